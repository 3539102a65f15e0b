#include "proxy/io/tls_tickets.h"

#include <openssl/rand.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "proxy/io/tls.h"

namespace hearth::proxy {

TicketKeys::TicketKeys(runtime::FileDescriptor memory) : memory_(std::move(memory)) {
    if (restore()) return;
    renew(keys_.current);
    keys_.previous = keys_.current;
    keys_.made = Clock::now().time_since_epoch().count();
    keep();
}

// The clock goes on over the end of a process; memory does not over that of the machine.
bool TicketKeys::restore() noexcept {
    Kept kept;
    if (!memory_ || ::pread(memory_.get(), &kept, sizeof kept, 0) != sizeof kept) return false;
    const auto age = Clock::now() - Clock::time_point(Clock::duration(kept.made));
    if (kept.version != Kept{}.version || age < Clock::duration{} || age > 2 * kLife) return false;
    keys_ = kept;
    return true;
}

void TicketKeys::keep() noexcept {
    // Without it sessions begin anew after a restart, no more.
    if (memory_) (void)!::pwrite(memory_.get(), &keys_, sizeof keys_, 0);
}

TicketKeys::Key TicketKeys::current() {
    const std::lock_guard lock(mutex_);
    const auto now = Clock::now();
    if (now - Clock::time_point(Clock::duration(keys_.made)) > kLife) {
        keys_.previous = keys_.current;
        renew(keys_.current);
        keys_.made = now.time_since_epoch().count();
        keep();
    }
    return keys_.current;
}

TicketKeys::Found TicketKeys::find(const unsigned char* name, Key& key) {
    const std::lock_guard lock(mutex_);
    for (const Key* one : {&keys_.current, &keys_.previous}) {
        if (!std::equal(one->name.begin(), one->name.end(), name)) continue;
        key = *one;
        return one == &keys_.current ? Found::kCurrent : Found::kPrevious;
    }
    return Found::kNone;
}

void TicketKeys::renew(Key& key) {
    RAND_bytes(key.name.data(), static_cast<int>(key.name.size()));
    RAND_priv_bytes(key.cipher.data(), static_cast<int>(key.cipher.size()));
    RAND_priv_bytes(key.mac.data(), static_cast<int>(key.mac.size()));
}

std::shared_ptr<TicketKeys> make_ticket_keys(runtime::FileDescriptor memory) {
    return std::make_shared<TicketKeys>(std::move(memory));
}

}  // namespace hearth::proxy
