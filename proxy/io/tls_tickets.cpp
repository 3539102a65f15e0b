#include "proxy/io/tls_tickets.h"

#include <openssl/rand.h>

#include <algorithm>
#include <memory>

#include "proxy/io/tls.h"

namespace hearth::proxy {

TicketKeys::TicketKeys() {
    renew(current_);
    previous_ = current_;
}

TicketKeys::Key TicketKeys::current() {
    const std::lock_guard lock(mutex_);
    if (Clock::now() - made_ > kLife) {
        previous_ = current_;
        renew(current_);
    }
    return current_;
}

TicketKeys::Found TicketKeys::find(const unsigned char* name, Key& key) {
    const std::lock_guard lock(mutex_);
    for (const Key* one : {&current_, &previous_}) {
        if (!std::equal(one->name.begin(), one->name.end(), name)) continue;
        key = *one;
        return one == &current_ ? Found::kCurrent : Found::kPrevious;
    }
    return Found::kNone;
}

void TicketKeys::renew(Key& key) {
    RAND_bytes(key.name.data(), static_cast<int>(key.name.size()));
    RAND_priv_bytes(key.cipher.data(), static_cast<int>(key.cipher.size()));
    RAND_priv_bytes(key.mac.data(), static_cast<int>(key.mac.size()));
    made_ = Clock::now();
}

std::shared_ptr<TicketKeys> make_ticket_keys() { return std::make_shared<TicketKeys>(); }

}  // namespace hearth::proxy
