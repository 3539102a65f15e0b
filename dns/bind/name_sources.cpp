#include "dns/bind/name_sources.h"

#include <boost/asio/io_context.hpp>
#include <boost/json/array.hpp>
#include <chrono>
#include <string>
#include <utility>

#include "runtime/log.h"

namespace hearth::dns {
namespace {

namespace json = boost::json;

std::int64_t wall_now_s() {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::seconds>(now).count();
}

void raise_or_clear(runtime::Problems& problems, std::string_view name,
                    const std::vector<std::string>& faults, const char* consequence) {
    if (faults.empty()) return problems.clear(name);
    std::string text;
    for (const std::string& fault : faults) text += (text.empty() ? "" : "; ") + fault;
    problems.raise(name, text + consequence);
}

}  // namespace

NameSources::NameSources(runtime::EventLoop& control, runtime::EventLoop& disk,
                         runtime::Problems& problems, runtime::Published<NameFiles>& files,
                         std::function<void(const HouseNames&)> changed)
    : control_(control),
      disk_(disk),
      problems_(problems),
      files_(files),
      changed_(std::move(changed)),
      watch_(control.context(), [this] { read_again(); }) {}

void NameSources::use(const std::shared_ptr<const config::Document>& document, NameFiles files,
                      const HouseNames& names) {
    document_ = document;
    files_.publish(std::make_shared<const NameFiles>(std::move(files)));
    next_end_s_ = names.next_end_s;
    leases_ = names.leases;
    watch_.watch(watched_files(*document, *files_.load()));
    raise_problems();
}

void NameSources::look(std::int64_t wall_s) {
    watch_.look();
    if (wall_s >= next_end_s_) rebuild(wall_s);
}

// A document that came in between has read its files itself.
void NameSources::read_again() {
    if (!document_) return;
    disk_.post([this, alive = std::weak_ptr(alive_), document = document_, before = files_.load()] {
        auto files = std::make_shared<const NameFiles>(read_name_files(*document, *before));
        control_.post([this, alive, document, files = std::move(files)] {
            if (alive.expired() || document != document_) return;
            files_.publish(files);
            raise_problems();
            rebuild(wall_now_s());
        });
    });
}

void NameSources::rebuild(std::int64_t wall_s) {
    const HouseNames names = build_house_names(*document_, *files_.load(), wall_s);
    next_end_s_ = names.next_end_s;
    leases_ = names.leases;
    log::info("names_loaded", {{"names", names.zones->size()}, {"leases", names.leases}});
    changed_(names);
}

void NameSources::raise_problems() {
    const auto files = files_.load();
    raise_or_clear(problems_, "zone_file_failing", files->zone_faults,
                   ". What was read before is served on; it is read again when it changes");
    raise_or_clear(problems_, "lease_file_unreadable", files->lease_faults,
                   ". Its clients have no names until it can be read");
}

void NameSources::add_status(json::object& status) const {
    const auto files = files_.load();
    json::array zones;
    for (const auto& contents : files->zones) {
        json::object zone;
        zone["origin"] = contents->origin.to_string();
        zone["file"] = contents->file;
        zone["records"] = contents->records.size();
        zones.push_back(std::move(zone));
    }
    status["zones"] = std::move(zones);
    json::object leases;
    leases["in_use"] = leases_;
    leases["nameless"] = files->lease_counts.nameless;
    leases["invalid"] = files->lease_counts.invalid;
    status["leases"] = std::move(leases);
}

}  // namespace hearth::dns
