#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/time.h"
#include "proxy/core/forward_auth.h"
#include "proxy/io/upstream_pool.h"
#include "proxy/model/hop_error.h"

namespace hearth::proxy {

// What came of a question. With an error there is no status.
struct UpstreamAnswer {
    HopError error;
    AuthAnswer said;
    Duration connected_after{};  // 0: on a connection that was there, or none at all
    Duration answered_after{};
};

// A question of ours to an upstream: a head in HTTP/1.1, whatever is spoken there.
struct UpstreamAsk {
    UpstreamTarget target;
    std::string text;    // empty: that a connection stands is the answer
    std::string body{};  // as long as the head says
    Duration timeout{};
    enum class Connection : std::uint8_t { kKept, kNew } connection = Connection::kKept;
    // Once, in UpstreamQuestions::deliver().
    std::function<void(UpstreamAnswer)> done;
};

// A worker's own questions, over its connections to upstreams: who may pass, and who is well.
// Answers of more than 64 KiB are none.
class UpstreamQuestions {
public:
    explicit UpstreamQuestions(UpstreamPool& pool);
    ~UpstreamQuestions();
    UpstreamQuestions(const UpstreamQuestions&) = delete;
    UpstreamQuestions& operator=(const UpstreamQuestions&) = delete;

    void ask(UpstreamAsk ask);
    [[nodiscard]] bool has_answers() const noexcept { return !answered_.empty(); }
    // After each batch: tells those who wait.
    void deliver();
    // Of connections that are kept after an answer.
    void set_idle_time(Duration idle_time) noexcept { idle_time_ = idle_time; }

private:
    class Question;

    void answered(Question& question);

    UpstreamPool& pool_;
    Duration idle_time_ = 4s;
    std::vector<std::unique_ptr<Question>> questions_;
    std::vector<Question*> answered_;
};

}  // namespace hearth::proxy
