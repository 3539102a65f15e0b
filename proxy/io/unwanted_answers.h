#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "base/time.h"
#include "proxy/core/exchange.h"
#include "proxy/io/upstream_pool.h"
#include "proxy/model/message.h"

namespace hearth::proxy {

// Answers to requests whose clients are gone. Each would cost a connection: who asks and takes
// back, again and again, would use up the ports that there are to an upstream. So what is small and
// comes soon is read away, and the connection goes back to the pool.
class UnwantedAnswers {
public:
    explicit UnwantedAnswers(UpstreamPool& pool) noexcept;
    ~UnwantedAnswers();
    UnwantedAnswers(const UnwantedAnswers&) = delete;
    UnwantedAnswers& operator=(const UnwantedAnswers&) = delete;

    struct Request {
        Method method;
        Exchange::Sent sent;
        bool asked_for_tunnel;
        Duration idle_time;  // of its connection, once nothing is on it any more
    };
    // Takes the way that a request has gone.
    void leave(std::unique_ptr<UpstreamLeg> leg, const Request& request);

private:
    class Unwanted;

    void give_up(std::unique_ptr<UpstreamLeg> leg, const Request& request);
    void remove(const Unwanted& one);

    UpstreamPool& pool_;
    std::vector<std::unique_ptr<Unwanted>> all_;
};

}  // namespace hearth::proxy
