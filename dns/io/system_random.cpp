#include "dns/io/system_random.h"

#include <sys/random.h>

#include <cerrno>
#include <cstdlib>

namespace hearth::dns {

std::uint64_t SystemRandom::next() {
    if (left_ == 0) {
        // Never short for so few octets once the pool is seeded; waits for that only at boot.
        while (::getrandom(pool_.data(), sizeof pool_, 0) != sizeof pool_)
            if (errno != EINTR) std::abort();
        left_ = pool_.size();
    }
    return pool_[--left_];
}

}  // namespace hearth::dns
