#include "proxy/io/write_turn.h"

#include <algorithm>

#include "proxy/io/client_request.h"

namespace hearth::proxy {

void WriteTurn::forget(const ClientRequest& request) noexcept {
    for (Waiting* all : {&upstream_, &client_})
        std::replace(all->begin(), all->end(), const_cast<ClientRequest*>(&request),
                     static_cast<ClientRequest*>(nullptr));
}

bool WriteTurn::run() {
    if (empty()) return false;
    has_come_ = true;  // nobody is added from here on
    for (Waiting* all : {&upstream_, &client_}) {
        for (std::size_t i = 0; i < all->size(); ++i) {
            if (ClientRequest* const request = (*all)[i]) request->write_now();
        }
        all->clear();
    }
    has_come_ = false;
    return true;
}

}  // namespace hearth::proxy
