#include "dns/bind/upstream_names.h"

#include <algorithm>
#include <chrono>
#include <sstream>
#include <utility>

#include "dns/io/connected_networks.h"
#include "dns/io/text_file.h"
#include "runtime/atomic_file.h"
#include "runtime/event_loop.h"
#include "runtime/log.h"
#include "runtime/problems.h"

namespace hearth::dns {
namespace {

using Clock = std::chrono::steady_clock;

constexpr Duration kShortest = 60s;
constexpr Duration kLongest = 24h;
constexpr Duration kFirstRetry = 2s;
constexpr unsigned kMostDoublings = 5;
constexpr std::size_t kMostOctets = 64U << 10;
constexpr std::string_view kUnknown = "upstream_name_unknown";

}  // namespace

UpstreamNames::UpstreamNames(runtime::EventLoop& control, runtime::EventLoop& disk,
                             runtime::Problems& problems, const Workers& workers,
                             const std::filesystem::path& state_dir, std::function<void()> changed)
    : control_(control),
      disk_(disk),
      problems_(problems),
      workers_(workers),
      path_(state_dir / "upstreams"),
      changed_(std::move(changed)),
      self_(std::make_shared<UpstreamNames*>(this)) {
    read();
}

UpstreamNames::~UpstreamNames() { *self_ = nullptr; }

// A line for each name, with its addresses behind it. What cannot be read is found anew.
void UpstreamNames::read() {
    const auto text = read_text_file(path_.string(), kMostOctets);
    if (!text) return;
    std::istringstream lines(*text);
    for (std::string line; std::getline(lines, line);) {
        std::istringstream words(line);
        std::string name;
        words >> name;
        for (std::string word; words >> word;)
            if (const auto address = IpAddress::parse(word)) kept_[name].push_back(*address);
    }
}

void UpstreamNames::write() const {
    std::string text;
    for (const auto& [name, known] : names_) {
        if (known.addresses.empty()) continue;
        text += name;
        for (const IpAddress& address : known.addresses) text += " " + address.to_string();
        text += "\n";
    }
    disk_.post([path = path_, text] {
        if (const auto written = runtime::write_file_atomically(path, as_bytes(text)); !written)
            log::warn("upstream_addresses_not_kept", {{"reason", written.error().to_string()}});
    });
}

void UpstreamNames::use(const std::vector<UpstreamGroup>& groups) {
    auto before = std::exchange(names_, {});
    for (const auto& group : groups) {
        for (const UpstreamServer& server : group.servers) {
            if (server.unresolved.empty()) continue;
            Known& known = names_[server.unresolved];
            if (const auto found = before.find(server.unresolved); found != before.end()) {
                known = found->second;
            } else if (const auto kept = kept_.find(server.unresolved); kept != kept_.end()) {
                known.addresses = kept->second;
            }
        }
    }
    bootstrap_ = static_cast<std::uint16_t>(groups.size() - 1);
    tell_unknown();
}

void UpstreamNames::apply(std::vector<UpstreamGroup>& groups) const {
    for (UpstreamGroup& group : groups) {
        std::vector<UpstreamServer> servers;
        for (const UpstreamServer& server : group.servers) {
            const auto known = names_.find(server.unresolved);
            if (known == names_.end()) {
                servers.push_back(server);
                continue;
            }
            for (const IpAddress& address : known->second.addresses) {
                servers.push_back(server);
                servers.back().endpoint.address = address;
                servers.back().unresolved.clear();
            }
        }
        group.servers = std::move(servers);
    }
}

void UpstreamNames::look(TimePoint now) {
    for (auto& [name, known] : names_)
        if (known.pending == 0 && known.due <= now) ask(name, now);
}

void UpstreamNames::ask(const std::string& name, TimePoint now) {
    Known& known = names_.at(name);
    known.found = {};
    known.found.ttl = UINT32_MAX;
    known.due = now + kLongest;
    for (const RrType type : {RrType::kA, RrType::kAaaa}) {
        ++known.pending;
        workers_.front()->look_up(*Name::parse(name), type, bootstrap_,
                                  [&control = control_, self = self_, name](ByteView answer) {
                                      control.post([self, name, found = addresses_in(answer)] {
                                          if (*self != nullptr) (*self)->take(name, found);
                                      });
                                  });
    }
}

void UpstreamNames::take(const std::string& name, const FoundAddresses& found) {
    const auto entry = names_.find(name);
    if (entry == names_.end() || entry->second.pending == 0) return;
    Known& known = entry->second;
    if (!found.addresses.empty()) known.found.ttl = std::min(known.found.ttl, found.ttl);
    for (const IpAddress& address : found.addresses)
        if (has_route_to(address)) known.found.addresses.push_back(address);
    if (--known.pending > 0) return;
    auto addresses = std::exchange(known.found.addresses, {});
    if (addresses.empty()) {
        known.due = Clock::now() + kFirstRetry * (1 << std::min(known.failures++, kMostDoublings));
        return tell_unknown();
    }
    known.failures = 0;
    known.due = Clock::now() +
                std::clamp<Duration>(std::chrono::seconds(known.found.ttl), kShortest, kLongest);
    std::sort(addresses.begin(), addresses.end());
    if (addresses == known.addresses) return;
    known.addresses = std::move(addresses);
    log::info("upstream_found", {{"name", name}, {"addresses", known.addresses.size()}});
    write();
    tell_unknown();
    changed_();
}

void UpstreamNames::tell_unknown() {
    std::string unknown;
    for (const auto& [name, known] : names_)
        if (known.addresses.empty()) unknown += (unknown.empty() ? "" : ", ") + name;
    if (unknown.empty()) return problems_.clear(kUnknown);
    problems_.raise(kUnknown, "no address is known for " + unknown +
                                  ": the servers of dns.bootstrap have not told any yet; they are "
                                  "asked again. Check the connection and the names");
}

}  // namespace hearth::dns
