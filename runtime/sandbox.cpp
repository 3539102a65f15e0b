#include "runtime/sandbox.h"

#include <linux/capability.h>
#include <linux/sched.h>
#include <seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#include <span>

#include "runtime/sandbox_syscalls.h"

namespace hearth::runtime {

namespace {

constexpr int kLastCapability = 63;

int number(Capability capability) {
    switch (capability) {
        case Capability::kNetBindService: return CAP_NET_BIND_SERVICE;
        case Capability::kNetAdmin: return CAP_NET_ADMIN;
        case Capability::kNetRaw: return CAP_NET_RAW;
        case Capability::kIpcLock: return CAP_IPC_LOCK;
        case Capability::kSysNice: return CAP_SYS_NICE;
    }
    return CAP_NET_BIND_SERVICE;
}

std::uint64_t bit(int capability) { return std::uint64_t{1} << static_cast<unsigned>(capability); }

using CapabilityData = std::array<__user_cap_data_struct, 2>;

Error system_error(const char* what) { return Error::from_errno(what, errno); }

Result<CapabilityData> read_capabilities() {
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    CapabilityData data{};
    if (::syscall(SYS_capget, &header, data.data()) != 0) return fail(system_error("capget"));
    return data;
}

std::uint64_t permitted(const CapabilityData& data) {
    return data[0].permitted | std::uint64_t{data[1].permitted} << 32U;
}

std::uint64_t effective(const CapabilityData& data) {
    return data[0].effective | std::uint64_t{data[1].effective} << 32U;
}

// The bounding set needs CAP_SETPCAP to shrink; systemd has shrunk it already where we have not.
Result<void> drop_bounding_set(std::uint64_t keep, std::uint64_t have) {
    for (int capability = 0; capability <= kLastCapability; ++capability) {
        if ((keep & bit(capability)) != 0) continue;
        if (::prctl(PR_CAPBSET_READ, capability, 0, 0, 0) != 1) continue;
        if ((have & bit(CAP_SETPCAP)) == 0) break;
        if (::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0) {
            return fail(system_error("capability bounding set"));
        }
    }
    return {};
}

Result<void> keep_capabilities(const std::vector<Capability>& wanted) {
    const auto now = read_capabilities();
    if (!now) return fail(now.error());
    const std::uint64_t have = permitted(*now);
    std::uint64_t keep = 0;
    for (const Capability capability : wanted) keep |= bit(number(capability)) & have;

    if (auto dropped = drop_bounding_set(keep, have); !dropped) return dropped;
    if (::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0) {
        return fail(system_error("ambient capabilities"));
    }
    // systemd's filters refuse capset, and have left nothing to drop. What stays inheritable is of
    // no use: exec is refused.
    if (have == keep && effective(*now) == keep) return {};
    const auto low = static_cast<std::uint32_t>(keep);
    const auto high = static_cast<std::uint32_t>(keep >> 32U);
    CapabilityData data{};
    data[0] = {low, low, 0};
    data[1] = {high, high, 0};
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    if (::syscall(SYS_capset, &header, data.data()) != 0) return fail(system_error("capset"));
    return {};
}

struct FilterDeleter {
    void operator()(void* filter) const noexcept { seccomp_release(filter); }
};
using Filter = std::unique_ptr<void, FilterDeleter>;

// A name that this architecture, or this libseccomp, does not have is left out.
int add_rules(void* filter, std::uint32_t action, std::span<const char* const> names) {
    for (const char* name : names) {
        const int call = seccomp_syscall_resolve_name(name);
        if (call == __NR_SCMP_ERROR) continue;
        const int status = seccomp_rule_add(filter, action, call, 0);
        if (status != 0 && status != -EEXIST && status != -EDOM) return status;
    }
    return 0;
}

// Threads and plain forks, but no new namespaces. clone3 hides its flags in memory that a filter
// cannot read: it gets the default, ENOSYS, and the C library falls back to clone.
int add_clone_rule(void* filter) {
    constexpr std::uint64_t kNamespaces = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS |
                                          CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID |
                                          CLONE_NEWNET;
    // As SCMP_A0 does, which is a C compound literal.
    const scmp_arg_cmp none{0, SCMP_CMP_MASKED_EQ, kNamespaces, 0};
    return seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1, none);
}

int add_extra_rules(void* filter, const std::vector<std::string>& names) {
    for (const std::string& name : names) {
        const int call = seccomp_syscall_resolve_name(name.c_str());
        if (call == __NR_SCMP_ERROR) return -EINVAL;
        const int status = seccomp_rule_add(filter, SCMP_ACT_ALLOW, call, 0);
        if (status != 0 && status != -EEXIST) return status;
    }
    return 0;
}

Result<void> load_filter(const std::vector<std::string>& extra) {
    const Filter filter(seccomp_init(SCMP_ACT_ERRNO(ENOSYS)));
    if (!filter) return fail(Errc::kSystem, "seccomp", "cannot make a filter");
    int status = add_rules(filter.get(), SCMP_ACT_ALLOW, allowed_syscalls());
    if (status == 0) status = add_clone_rule(filter.get());
    if (status == 0) status = add_extra_rules(filter.get(), extra);
    if (status == 0) status = add_rules(filter.get(), SCMP_ACT_ERRNO(EPERM), refused_syscalls());
    if (status == 0) status = seccomp_attr_set(filter.get(), SCMP_FLTATR_CTL_OPTIMIZE, 2);
    if (status == 0) status = seccomp_load(filter.get());
    if (status == 0) return {};
    return fail(Error::from_errno("seccomp", -status));
}

}  // namespace

Result<void> enter_sandbox(const Sandbox& sandbox) {
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return fail(system_error("no_new_privs"));
    if (auto kept = keep_capabilities(sandbox.keep); !kept) return kept;
    return load_filter(sandbox.extra_syscalls);
}

std::uint64_t effective_capabilities() {
    const auto data = read_capabilities();
    return data ? effective(*data) : 0;
}

}  // namespace hearth::runtime
