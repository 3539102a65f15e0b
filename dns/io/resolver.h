#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/ip.h"
#include "base/name.h"
#include "base/result.h"
#include "dns/core/dnssec_outcome.h"
#include "dns/model/protocol.h"

namespace hearth::runtime {
class EventLoop;
}

namespace hearth::dns {

// A resolver in this process, libunbound: asks the zones' own servers from the root on, or the
// servers it is told; validates what they say (RFC 4035). It has two threads, one that works and
// one that hands questions in and answers out, and a cache, all shared by the workers. May be used
// from any thread.
class Resolver {
public:
    struct Settings {
        std::vector<Endpoint> servers;  // asked instead of the zones' own
        std::string root_hints;         // file; where there are no servers
        std::string trust_anchor;       // file; empty: nothing is validated
        std::vector<Name> insecure;     // not validated, nor what is under them (RFC 7646)
        std::size_t cache_bytes = 4U << 20;

        friend bool operator==(const Settings&, const Settings&) = default;
    };
    struct Answer {
        std::vector<std::uint8_t> packet;  // signatures included; empty: none
        Security security = Security::kUnchecked;
        std::string why;  // with kBogus
    };
    using Done = std::function<void(const Answer&)>;

    // The error names the file that cannot be read, and what to do.
    [[nodiscard]] static Result<std::shared_ptr<Resolver>> start(const Settings& settings);
    ~Resolver();  // what was asked is not answered any more
    Resolver(const Resolver&) = delete;
    Resolver& operator=(const Resolver&) = delete;

    // `done` is called on `loop`, which must outlive this resolver.
    void ask(const Name& qname, RrType qtype, runtime::EventLoop& loop, Done done);

    [[nodiscard]] const Settings& settings() const noexcept;

private:
    struct Impl;
    explicit Resolver(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace hearth::dns
