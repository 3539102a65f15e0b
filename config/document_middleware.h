#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/ip.h"

// What a request must pass before a service gets it; part of config/document.h.
namespace hearth::config {

// "10/s": so many in a period on average; `count` 0: no limit.
struct RequestRate {
    unsigned count = 0;
    std::chrono::seconds period{1};
};

struct RateLimits {
    RequestRate client;
    RequestRate service;
    unsigned burst = 0;  // at once; 0: as many as in one period, ten at least
};

struct BasicAuth {
    std::string users;  // a file; absolute
    std::string realm = "Hearth";
};

struct ForwardAuth {
    std::string service;
    std::string path = "/";
    std::vector<std::string> headers;
    std::string sign_in;  // may be empty
};

enum class ContentCoding { kGzip, kBrotli, kZstd };

// Of answers; without a coding: none.
struct Compression {
    std::vector<ContentCoding> codings;
    std::vector<std::string> types{"text/*",
                                   "application/json",
                                   "application/javascript",
                                   "application/xml",
                                   "application/wasm",
                                   "application/manifest+json",
                                   "application/vnd.apple.mpegurl",
                                   "image/svg+xml",
                                   "image/bmp",
                                   "font/ttf",
                                   "font/otf",
                                   "+json",
                                   "+xml"};
    std::size_t minimum = 1024;
};

struct Middleware {
    std::string name;  // empty where a service brings its own
    std::vector<IpPrefix> allow;
    RateLimits rate_limit;
    std::size_t body_limit = 0;  // octets; 0: none
    Compression compression;
    bool security_headers = false;
    std::chrono::seconds hsts{0};  // 0: none
    std::optional<BasicAuth> basic_auth;
    std::optional<ForwardAuth> forward_auth;
};

}  // namespace hearth::config
