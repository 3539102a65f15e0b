#pragma once

#include <cstddef>
#include <memory>
#include <unordered_map>
#include <vector>

#include "base/ip.h"
#include "proxy/io/worker_state.h"
#include "runtime/udp_socket.h"

namespace hearth::proxy {

// The datagrams of one address and port: each client has a socket of its own towards an upstream,
// which it keeps while either of them sends. What an upstream sends goes back to its client from
// the address the client has sent to. An upstream that refuses (ICMP) loses the client to another
// one. Of one worker: the kernel gives each client's datagrams to the same one. On its thread, or
// while it does not run.
class DatagramRelay {
public:
    DatagramRelay(WorkerState& worker, std::unique_ptr<runtime::UdpSocket> socket);
    ~DatagramRelay();
    DatagramRelay(const DatagramRelay&) = delete;
    DatagramRelay& operator=(const DatagramRelay&) = delete;

    // When the worker has a document.
    void start();
    [[nodiscard]] const Endpoint& local() const noexcept { return socket_->local(); }
    [[nodiscard]] int descriptor() const noexcept { return socket_->descriptor(); }
    // Clients of upstreams that are gone, down or drained now are given to others.
    void look_at_upstreams();
    // Between batches.
    void reap() noexcept;

private:
    class Client;

    void take(const runtime::Datagram& datagram);
    [[nodiscard]] Client* admit(const runtime::UdpPath& path);
    void forget(Client& client, StreamClose how);

    WorkerState& worker_;
    std::unique_ptr<runtime::UdpSocket> socket_;
    std::unique_ptr<char[]> room_;  // for one datagram from an upstream
    std::unordered_map<Endpoint, std::unique_ptr<Client>> clients_;
    std::unordered_map<IpAddress, std::size_t> by_client_;
    std::vector<std::unique_ptr<Client>> gone_;
};

}  // namespace hearth::proxy
