#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/ip.h"
#include "base/time.h"

// What a request must pass before a service gets it.
namespace hearth::proxy {

// So many in a period on average, `burst` at once.
struct RateRule {
    enum class Scope : std::uint8_t { kClient, kService };
    Scope scope = Scope::kClient;
    unsigned count = 1;
    Duration period = 1s;
    unsigned burst = 1;

    friend bool operator==(const RateRule&, const RateRule&) = default;
};

// Names and hashes of passwords: argon2id as libsodium writes it, or bcrypt as crypt(3) does.
using PasswordFile = std::unordered_map<std::string, std::string>;

struct BasicAuth {
    std::string realm;
    std::shared_ptr<const PasswordFile> users;
};

// Another service is asked about each request.
struct ForwardAuth {
    std::string service;
    std::string path;                  // of the question
    std::vector<std::string> headers;  // copied from its answer into the request
    std::string sign_in;               // where pages are sent on 401; "{url}" is where they were
};

enum class ContentCoding : std::uint8_t { kNone, kGzip, kBrotli, kZstd };

// Of answers that are not compressed yet; without a coding: none.
struct Compression {
    std::vector<ContentCoding> codings;  // the preferred one first
    std::vector<std::string> types;      // "text/html", "text/*", "+json"
    std::uint64_t minimum = 1024;        // octets, where they are announced
};

struct Policy {
    std::vector<std::vector<IpPrefix>> allow;  // each list must have the client
    std::vector<RateRule> rates;
    std::uint64_t body_limit = 0;  // 0: none
    std::optional<BasicAuth> basic;
    std::optional<ForwardAuth> forward;
    Compression compression;
    bool security_headers = false;
    Duration hsts{};  // max-age; zero: none

    [[nodiscard]] bool asks() const noexcept { return basic.has_value() || forward.has_value(); }
};

}  // namespace hearth::proxy
