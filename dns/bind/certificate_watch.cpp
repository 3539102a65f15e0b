#include "dns/bind/certificate_watch.h"

#include <boost/json/object.hpp>
#include <chrono>
#include <filesystem>
#include <set>
#include <utility>

#include "runtime/log.h"
#include "runtime/metrics.h"
#include "runtime/problems.h"

namespace hearth::dns {
namespace {

constexpr std::int64_t kSoon = 3 * 24 * 3600;
constexpr std::string_view kRefused = "certificate_refused";
constexpr std::string_view kEnds = "certificate_ends";
constexpr std::string_view kOtherName = "certificate_name";

std::int64_t wall_seconds() {
    return std::chrono::duration_cast<std::chrono::seconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
}

}  // namespace

CertificateWatch::CertificateWatch(runtime::EventLoop& loop, runtime::Problems& problems,
                                   runtime::LeafFeed::Options local, OnChange on_change)
    : problems_(problems),
      on_change_(std::move(on_change)),
      feed_(loop, problems, std::move(local), [this] { read(); }) {}

void CertificateWatch::follow(const config::DnsTls& tls, const std::string& name) {
    config::DnsTls files = tls;
    std::set<std::string> wanted;
    if (tls.local_ca && !name.empty()) {
        files.certificate = files.key = feed_.path_of(name).string();
        wanted.insert(name);
    }
    if (files.certificate != files_.certificate || files.key != files_.key) identity_.reset();
    files_ = files;
    feed_.want(std::move(wanted));
    read();
}

void CertificateWatch::look() {
    if (files_.certificate.empty()) return;
    if (times() != read_at_) return read();
    tell_end();
}

std::vector<std::filesystem::file_time_type> CertificateWatch::times() const {
    std::vector<std::filesystem::file_time_type> all;
    for (const std::string* path : {&files_.certificate, &files_.key}) {
        std::error_code error;
        all.push_back(std::filesystem::last_write_time(*path, error));
    }
    return all;
}

void CertificateWatch::read() {
    if (files_.certificate.empty()) {
        for (const auto name : {kRefused, kEnds, kOtherName}) problems_.clear(name);
        return on_change_(nullptr);
    }
    read_at_ = times();  // before the reading: what changes meanwhile is read again
    // hearth-certs gives it when it can, and says itself why it cannot.
    if (files_.local_ca && !std::filesystem::exists(files_.certificate)) return on_change_(nullptr);
    auto loaded = TlsIdentity::load(files_.certificate, files_.key);
    if (loaded) {
        identity_ = std::move(*loaded);
        problems_.clear(kRefused);
        log::info("certificate_loaded", {{"certificate", files_.certificate}});
    } else {
        log::warn("certificate_refused", {{"error", loaded.error().to_string()}});
        problems_.raise(kRefused, loaded.error().to_string() +
                                      (identity_ ? "; the one read before goes on serving"
                                                 : "; there is no DNS over TLS or HTTPS until it "
                                                   "is put right, which is noticed by itself"));
    }
    tell_end();
    on_change_(identity_);
}

void CertificateWatch::tell_end() {
    const std::int64_t left = identity_ ? identity_->not_after() - wall_seconds() : kSoon + 1;
    if (left > kSoon) {
        problems_.clear(kEnds);
    } else {
        problems_.raise(kEnds, files_.certificate +
                                   (left < 0 ? " has expired" : " ends within three days") +
                                   ": renew it");
    }
    if (!identity_ || files_.name.empty() || identity_->covers(files_.name)) {
        problems_.clear(kOtherName);
    } else {
        problems_.raise(kOtherName, files_.certificate + " is not for dns.tls.name, " +
                                        files_.name + ": devices will not accept it");
    }
}

boost::json::object CertificateWatch::describe() const {
    boost::json::object object;
    object["certificate"] = files_.certificate;
    object["state"] = identity_ ? "ok" : "none";
    if (identity_) object["not_after"] = identity_->not_after();
    return object;
}

void CertificateWatch::collect(runtime::MetricSink& sink) const {
    if (!identity_) return;
    sink.gauge("hearth_tls_certs_not_after_seconds", "When a certificate ends, since 1970.",
               {{"name", files_.certificate}}, static_cast<double>(identity_->not_after()));
}

}  // namespace hearth::dns
