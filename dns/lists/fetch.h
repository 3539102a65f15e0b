#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "dns/lists/list_copy.h"

namespace hearth::dns {

// One list to download. With `etag` or `last_modified` of an earlier answer the server may say that
// nothing changed.
struct FetchRequest {
    std::string url;  // http or https
    std::string etag;
    std::string last_modified;
    std::filesystem::path copy;  // replaced only when all of it came and it is a list
    ListLimits limits;
};

enum class FetchOutcome : std::uint8_t { kNew, kUnchanged };

struct Fetched {
    FetchOutcome outcome = FetchOutcome::kNew;
    std::string etag;
    std::string last_modified;
};

struct FetchLimits {
    std::chrono::seconds connect{15};  // name resolution and TLS included
    std::chrono::seconds stalled{30};  // under 100 bytes a second for this long
    std::chrono::seconds whole{600};   // per list
    std::size_t at_once = 4;
};

// Errors name no place: the caller knows which list it asked for. `done` runs once for each
// request, by its index, in the order they end; `received` now and then, with the bytes that have
// come for it and those that will have in the end, 0 where the server does not say.
struct FetchEvents {
    std::function<void(std::size_t, const Result<Fetched>&)> done;
    std::function<void(std::size_t, std::uint64_t, std::uint64_t)> received;
};

// Downloads all, a few at once; blocks until the last has ended. Redirects are followed, at most
// five, and never from https to http.
void fetch_all(const std::vector<FetchRequest>& requests, const FetchLimits& limits,
               const FetchEvents& events);

}  // namespace hearth::dns
