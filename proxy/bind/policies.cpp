#include "proxy/bind/policies.h"

#include <algorithm>
#include <fstream>
#include <iterator>

#include "proxy/io/client_trust.h"

namespace hearth::proxy {

namespace {

constexpr unsigned kLeastBurst = 10;

void add_rate(Policy& policy, RateRule::Scope scope, const config::RequestRate& rate,
              unsigned burst) {
    if (rate.count == 0) return;
    if (burst == 0) burst = std::max(rate.count, kLeastBurst);
    policy.rates.push_back({scope, rate.count, rate.period, burst});
}

ContentCoding coding_of(config::ContentCoding coding) {
    switch (coding) {
        case config::ContentCoding::kGzip: return ContentCoding::kGzip;
        case config::ContentCoding::kBrotli: return ContentCoding::kBrotli;
        case config::ContentCoding::kZstd: return ContentCoding::kZstd;
    }
    return ContentCoding::kNone;
}

Compression compression_of(const config::Compression& from) {
    Compression compression{{}, from.types, from.minimum};
    for (const config::ContentCoding coding : from.codings)
        compression.codings.push_back(coding_of(coding));
    return compression;
}

bool is_known_hash(const std::string& hash) {
    return hash.starts_with("$argon2id$") || hash.starts_with("$2y$") || hash.starts_with("$2b$") ||
           hash.starts_with("$2a$");
}

Result<std::shared_ptr<const PasswordFile>> read_users(const std::string& path) {
    std::ifstream file(path);
    if (!file) return fail(Errc::kInvalid, path, "the file of users cannot be read");
    auto users = std::make_shared<PasswordFile>();
    std::string line;
    for (int number = 1; std::getline(file, line); ++number) {
        while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.pop_back();
        if (line.empty() || line.front() == '#') continue;
        const auto colon = line.find(':');
        const std::string hash = colon == std::string::npos ? "" : line.substr(colon + 1);
        if (colon == 0 || !is_known_hash(hash))
            return fail(Errc::kInvalid, path + ":" + std::to_string(number),
                        "a line is NAME:HASH, the hash being bcrypt (htpasswd -B) or argon2id");
        users->insert_or_assign(line.substr(0, colon), hash);
    }
    return users;
}

}  // namespace

Result<ClientCertificates> make_client_certificates(const config::ClientCertificates& from) {
    ClientCertificates made;
    made.names = from.names;
    switch (from.use) {
        case config::ClientCertificateUse::kOff: return made;
        case config::ClientCertificateUse::kOptional:
            made.use = ClientCertificates::Use::kOptional;
            break;
        case config::ClientCertificateUse::kRequired:
            made.use = ClientCertificates::Use::kRequired;
            break;
    }
    for (const std::string& path : from.ca) {
        std::ifstream file(path, std::ios::binary);
        if (!file) return fail(Errc::kInvalid, path, "the file of authorities cannot be read");
        const std::string text(std::istreambuf_iterator<char>(file), {});
        if (auto good = check_authorities(text, path); !good) return fail(std::move(good.error()));
        made.authorities += text + "\n";
    }
    return made;
}

Result<Policy> make_policy(const std::vector<config::Middleware>& used) {
    Policy policy;
    for (const config::Middleware& one : used) {
        if (!one.allow.empty()) policy.allow.push_back(one.allow);
        add_rate(policy, RateRule::Scope::kClient, one.rate_limit.client, one.rate_limit.burst);
        add_rate(policy, RateRule::Scope::kService, one.rate_limit.service, one.rate_limit.burst);
        if (one.body_limit != 0)
            policy.body_limit = policy.body_limit == 0
                                    ? one.body_limit
                                    : std::min<std::uint64_t>(policy.body_limit, one.body_limit);
        if (!one.compression.codings.empty()) policy.compression = compression_of(one.compression);
        policy.security_headers |= one.security_headers;
        if (one.hsts.count() != 0) policy.hsts = one.hsts;
        if (one.basic_auth) {
            auto users = read_users(one.basic_auth->users);
            if (!users) return fail(std::move(users.error()));
            policy.basic = BasicAuth{one.basic_auth->realm, std::move(*users)};
        }
        if (one.forward_auth)
            policy.forward = ForwardAuth{one.forward_auth->service, one.forward_auth->path,
                                         one.forward_auth->headers, one.forward_auth->sign_in};
    }
    return policy;
}

}  // namespace hearth::proxy
