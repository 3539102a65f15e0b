#include "lb/io/urgency.h"

#include <link.h>
#include <linux/capability.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
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

// Pages of programs and libraries that only starting needed: the document's parser, relocation.
// They come back from the file if they are needed after all.
void forget_start() {
    const auto forget = [](dl_phdr_info* object, std::size_t, void*) {
        const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
        for (std::size_t i = 0; i < object->dlpi_phnum; ++i) {
            const auto& segment = object->dlpi_phdr[i];
            if (segment.p_type != PT_LOAD || (segment.p_flags & PF_W) != 0) continue;
            const std::uintptr_t begin = (object->dlpi_addr + segment.p_vaddr) / page * page;
            const std::uintptr_t end = object->dlpi_addr + segment.p_vaddr + segment.p_memsz;
            static_cast<void>(
                ::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED));
        }
        return 0;
    };
    ::dl_iterate_phdr(forget, nullptr);
}

}  // namespace

Result<void> keep_memory() {
    // Under a finite limit a later allocation would fail, which is worse than a page that is read
    // back from disk.
    if (!is_unlimited()) return refused("locked memory", EPERM);
    forget_start();
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
