#pragma once

#include <boost/json/fwd.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "config/document.h"
#include "dns/core/snapshot.h"
#include "dns/io/resolver.h"
#include "dns/io/worker.h"
#include "runtime/problems.h"

namespace hearth::runtime {
class MetricSink;
}

namespace hearth::dns {

// The resolvers in this process: one that recurses, when the document has `recursive` anywhere, and
// one that validates for each upstream group of clients. A document that wants neither has none. On
// the control loop.
class Resolving {
public:
    using Workers = std::vector<std::unique_ptr<Worker>>;

    Resolving(const Workers& workers, runtime::Problems& problems)
        : workers_(workers), problems_(problems) {}

    // Whether the files are there that `dns` needs; the error says what to do.
    [[nodiscard]] static Result<void> check(const config::Dns& dns, const Snapshot& snapshot);

    // Starts what the document needs, stops the rest, and says in the snapshot who is asked.
    void use(const config::Dns& dns, Snapshot& snapshot);
    // When the workers have stopped, before they are destroyed.
    void stop();
    // True once the clock has become known: use() is due. About once a second.
    [[nodiscard]] bool is_due() const noexcept;

    [[nodiscard]] boost::json::object describe() const;
    // Why the answers about `name` were bogus lately; empty: they were not.
    [[nodiscard]] std::string why_bogus(const Name& name) const;
    void collect(runtime::MetricSink& sink) const;

private:
    // What asks one group's servers through the back door.
    struct Validator {
        std::vector<UpstreamServer> servers;
        std::shared_ptr<Resolver> resolver;
    };
    [[nodiscard]] std::shared_ptr<Resolver> started(const std::shared_ptr<Resolver>& before,
                                                    const Resolver::Settings& settings);
    void validate(const Resolver::Settings& settings, std::uint16_t group, Snapshot& snapshot,
                  Worker::Resolvers& resolvers);

    const Workers& workers_;
    runtime::Problems& problems_;
    config::Dnssec dnssec_;
    bool waits_for_clock_ = false;
    std::shared_ptr<Resolver> recursor_;
    std::vector<Validator> validators_;  // by group; without a resolver where there is none
    std::string failure_;
};

}  // namespace hearth::dns
