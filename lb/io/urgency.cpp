#include "lb/io/urgency.h"

#include <linux/capability.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include <cerrno>
#include <system_error>

#include "runtime/sandbox.h"

namespace hearth::lb {
namespace {

auto refused(const char* what, int number) {
    return fail(Errc::kRefused, what, std::generic_category().message(number));
}

// By the limit, or by CAP_IPC_LOCK, for which there is none.
bool is_unlimited() noexcept {
    rlimit limit{};
    if (::getrlimit(RLIMIT_MEMLOCK, &limit) == 0 && limit.rlim_cur == RLIM_INFINITY) return true;
    return (runtime::effective_capabilities() >> CAP_IPC_LOCK & 1U) != 0;
}

}  // namespace

Result<void> keep_memory() {
    // Under a finite limit a later allocation would fail, which is worse than a page that is read
    // back from disk.
    if (!is_unlimited()) return refused("locked memory", EPERM);
    if (::mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) != 0)
        return refused("locked memory", errno);
    return {};
}

Result<void> run_at_once() {
    sched_param param{};
    param.sched_priority = ::sched_get_priority_min(SCHED_RR);
    const int error = ::pthread_setschedparam(::pthread_self(), SCHED_RR, &param);
    if (error != 0) return refused("real-time priority", error);
    return {};
}

}  // namespace hearth::lb
