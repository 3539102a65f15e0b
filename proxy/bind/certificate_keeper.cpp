#include "proxy/bind/certificate_keeper.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <chrono>
#include <string>

#include "runtime/event_loop.h"
#include "runtime/log.h"
#include "runtime/metrics.h"
#include "runtime/problems.h"

namespace hearth::proxy {

namespace json = boost::json;

namespace {

constexpr std::chrono::seconds kLookEvery{5};
constexpr std::int64_t kSoon = 3 * 24 * 3600;

std::int64_t wall_seconds() {
    return std::chrono::duration_cast<std::chrono::seconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
}

}  // namespace

CertificateKeeper::CertificateKeeper(runtime::EventLoop& loop, runtime::Problems& problems,
                                     runtime::LeafFeed::Options local, OnChange on_change)
    : problems_(problems),
      on_change_(std::move(on_change)),
      timer_(loop.context()),
      feed_(loop, problems, std::move(local), [this] { read(); }) {}

void CertificateKeeper::follow(std::vector<CertificateFiles> files,
                               std::set<std::string> local_names, std::string own_host) {
    files_ = std::move(files);
    own_host_ = std::move(own_host);
    local_names_ = std::move(local_names);
    feed_.want(local_names_);
    read();
    look_again();
}

std::vector<std::filesystem::file_time_type> CertificateKeeper::times() const {
    std::vector<std::filesystem::file_time_type> all;
    std::error_code ignored;
    for (const CertificateFiles& files : files_) {
        for (const std::string* path : {&files.certificate, &files.key})
            all.push_back(std::filesystem::last_write_time(*path, ignored));
    }
    for (const std::string& name : local_names_)
        all.push_back(std::filesystem::last_write_time(feed_.path_of(name), ignored));
    return all;
}

// The local CA's stand back: a wildcard of the document's beats them for its names.
LoadedCertificates CertificateKeeper::load_all() const {
    const auto own = load_certificates(files_, store_.get());
    std::vector<CertificateFiles> all = files_;
    for (const std::string& name : local_names_) {
        const std::string path = feed_.path_of(name).string();
        if (!own.store->find(name) && std::filesystem::exists(path)) all.push_back({path, path});
    }
    return load_certificates(all, store_.get(), home());
}

CertificateStore::Home CertificateKeeper::home() const {
    CertificateStore::Home home{own_host_, nullptr};
    if (local_names_.empty()) return home;
    if (auto root = load_root(feed_.root_path().string()))
        home.root = std::make_shared<const LocalRoot>(std::move(*root));
    return home;
}

void CertificateKeeper::read() {
    read_at_ = times();  // before the reading: what changes meanwhile is read again
    auto loaded = load_all();
    store_ = std::move(loaded.store);
    for (const auto& fault : loaded.faults)
        log::warn("certificate_refused",
                  {{"certificate", fault.files.certificate}, {"error", fault.error.to_string()}});
    tell_refused(loaded.faults);
    tell_ending();
    on_change_(store_);
}

void CertificateKeeper::tell_refused(const std::vector<CertificateStore::Fault>& faults) {
    std::string refused;
    for (const auto& fault : faults)
        refused += (refused.empty() ? "" : "; ") + fault.error.to_string();
    if (refused.empty()) {
        problems_.clear("certificate_refused");
    } else {
        problems_.raise("certificate_refused", refused);
    }
}

// Now, and as time goes by.
void CertificateKeeper::tell_ending() {
    std::string ending;
    for (const auto& one : store_->all()) {
        const std::int64_t left = one.not_after - wall_seconds();
        if (left > kSoon) continue;
        ending += (ending.empty() ? "" : "; ") + one.files.certificate +
                  (left < 0 ? " has expired" : " ends within three days");
    }
    if (ending.empty()) {
        problems_.clear("certificate_ends");
    } else {
        problems_.raise("certificate_ends", ending + ": renew it");
    }
}

void CertificateKeeper::look_again() {
    timer_.expires_after(kLookEvery);
    timer_.async_wait([this](const boost::system::error_code& error) {
        if (error) return;
        if (times() != read_at_) read();
        tell_ending();
        look_again();
    });
}

json::array CertificateKeeper::describe() const {
    json::array all;
    for (const auto& one : store_->all()) {
        json::array names;
        for (const std::string& name : one.names) names.push_back(json::value(name));
        all.push_back(json::object{{"certificate", one.files.certificate},
                                   {"names", std::move(names)},
                                   {"issuer", one.issuer},
                                   {"not_after", one.not_after}});
    }
    return all;
}

void CertificateKeeper::collect(runtime::MetricSink& sink) const {
    for (const auto& one : store_->all())
        sink.gauge("hearth_tls_certs_not_after_seconds", "When a certificate ends, since 1970.",
                   {{"name", one.names.front()}}, static_cast<double>(one.not_after));
}

}  // namespace hearth::proxy
