#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/time.h"
#include "config/document.h"
#include "dns/core/found_addresses.h"
#include "dns/core/snapshot.h"
#include "dns/io/worker.h"

namespace hearth::runtime {
class EventLoop;
class Problems;
}  // namespace hearth::runtime

namespace hearth::dns {

// Where the upstreams are that the document names: asked of dns.bootstrap, again when their time is
// over, and kept on disk, so that after a start the last known addresses do until there is news. On
// the control loop.
class UpstreamNames {
public:
    using Workers = std::vector<std::unique_ptr<Worker>>;

    // `changed` is called when apply() would do something else than before.
    UpstreamNames(runtime::EventLoop& control, runtime::EventLoop& disk,
                  runtime::Problems& problems, const Workers& workers,
                  const std::filesystem::path& state_dir, std::function<void()> changed);
    ~UpstreamNames();

    // The groups of a new document, names and all.
    void use(const std::vector<UpstreamGroup>& groups);
    // Puts servers with addresses in the place of those with names.
    void apply(std::vector<UpstreamGroup>& groups) const;
    // Asks for what is due, once the workers serve; about once a second.
    void look(TimePoint now);

private:
    struct Known {
        std::vector<IpAddress> addresses;
        TimePoint due{};
        unsigned failures = 0;
        unsigned pending = 0;  // answers that are waited for
        FoundAddresses found;  // so far
    };
    void read();
    void write() const;
    void ask(const std::string& name, TimePoint now);
    void take(const std::string& name, const FoundAddresses& found);
    void tell_unknown();

    runtime::EventLoop& control_;
    runtime::EventLoop& disk_;
    runtime::Problems& problems_;
    const Workers& workers_;
    std::filesystem::path path_;
    std::function<void()> changed_;
    std::map<std::string, Known> names_;  // of the document
    std::map<std::string, std::vector<IpAddress>> kept_;
    std::uint16_t bootstrap_ = 0;           // index of the group that is asked
    std::shared_ptr<UpstreamNames*> self_;  // null once this is gone
};

}  // namespace hearth::dns
