#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <string>
#include <unordered_map>

namespace hearth::proxy {

// What all workers know of a service together; it stays across reloads.
struct SharedService {
    std::atomic<std::size_t> running{0};  // requests under way, where they are limited
    std::atomic<std::size_t> waiting{0};  // in the queues of all workers
};

using SharedServices = std::unordered_map<std::string, std::shared_ptr<SharedService>>;

}  // namespace hearth::proxy
