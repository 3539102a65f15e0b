#pragma once

#include <cstdint>
#include <vector>

namespace hearth::proxy {

class ClientRequest;

// Requests with octets to send, until all that a batch of more than a few events brought has been
// read. Then those for upstreams leave, one after the other, then those for clients: the process at
// the other end is woken by the first and still awake for the others, and a wake-up costs a sender
// as much as the sending. On its worker's thread.
class WriteTurn {
public:
    enum class To : std::uint8_t { kUpstream, kClient };

    // Has request.write_now() called at the end of the batch.
    void add(ClientRequest& request, To to) { waiting(to).push_back(&request); }
    void forget(const ClientRequest& request) noexcept;

    // It is the time to write.
    [[nodiscard]] bool has_come() const noexcept { return has_come_; }
    [[nodiscard]] bool empty() const noexcept { return upstream_.empty() && client_.empty(); }
    // False when there was nothing.
    bool run();

private:
    using Waiting = std::vector<ClientRequest*>;  // null: forgotten

    Waiting& waiting(To to) noexcept { return to == To::kUpstream ? upstream_ : client_; }

    Waiting upstream_;
    Waiting client_;
    bool has_come_ = false;
};

}  // namespace hearth::proxy
