#include "proxy/io/datagram_relay.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <string>

#include "base/proxy_protocol.h"
#include "proxy/io/stream_metrics.h"
#include "proxy/io/timed.h"
#include "runtime/socket_address.h"

namespace hearth::proxy {

namespace {

constexpr std::size_t kMostDatagram = 65'535;
constexpr std::size_t kMostOfOneClient = 512;  // ports
constexpr int kReadsPerTurn = 256;

// The header of a connection, saying that it is none (DGRAM, proxy-protocol.txt §2.2).
std::string datagram_header(ProxyProtocol version, const Endpoint& client, const Endpoint& server) {
    constexpr std::size_t kFamily = 13;
    std::string header = proxy_header(version, client, server);
    if (!header.empty()) header[kFamily] = static_cast<char>((header[kFamily] & 0xf0) | 2);
    return header;
}

}  // namespace

// A client and its way to an upstream.
class DatagramRelay::Client final : public Pollable, private Timed {
public:
    Client(DatagramRelay& relay, const runtime::UdpPath& asked_by,
           std::shared_ptr<Generation> generation, ServiceState& service)
        : path(asked_by),
          relay_(relay),
          generation_(std::move(generation)),
          service_(service),
          began_(relay.worker_.poller.now()) {}
    ~Client() {
        if (close_) tell_of_it();
        if (fd_) relay_.worker_.poller.remove(fd_.get());
        relay_.worker_.timers.set(*this, kNever);
        service_.shared->running.fetch_sub(1, std::memory_order_relaxed);
    }

    // False when no upstream takes it.
    [[nodiscard]] bool connect();
    void send(ByteView payload);
    void on_ready(std::uint32_t events) override;
    [[nodiscard]] const Endpoint& endpoint() const noexcept { return endpoint_; }
    [[nodiscard]] IpAddress counted_as() const noexcept {
        return generation_->snapshot->one_client(path.peer.address);
    }
    void close() noexcept {
        if (fd_) relay_.worker_.poller.remove(fd_.get());
        fd_.reset();
    }

    // It has become one; until it ends the proxy may stop.
    void let_in() noexcept { close_ = StreamClose::kStopped; }
    void ends(StreamClose how) noexcept { close_ = how; }

    runtime::UdpPath path;  // of its last datagram

private:
    void on_deadline() override { relay_.forget(*this, StreamClose::kIdle); }
    void tell_of_it() const;
    [[nodiscard]] bool open(const Endpoint& endpoint);
    [[nodiscard]] bool write(ByteView payload);
    void refused();
    void stay_awake() {
        relay_.worker_.timers.set(
            *this, relay_.worker_.poller.now() + service_.service->stream.idle_timeout);
    }

    DatagramRelay& relay_;
    std::shared_ptr<Generation> generation_;
    ServiceState& service_;
    runtime::FileDescriptor fd_;
    Endpoint endpoint_;
    RunningLoad running_;  // of the endpoint's
    std::string header_;
    std::uint64_t from_client_ = 0;
    std::uint64_t to_client_ = 0;
    TimePoint began_;
    std::optional<StreamClose> close_;
};

void DatagramRelay::Client::tell_of_it() const {
    StreamRecord record;
    record.kind = StreamKind::kUdp;
    record.client = path.peer;
    record.service = service_.service->name;
    record.upstream = endpoint_;
    record.from_client = from_client_;
    record.to_client = to_client_;
    record.duration = relay_.worker_.poller.now() - began_;
    record.close = *close_;
    relay_.worker_.log_stream(record);
}

bool DatagramRelay::Client::connect() {
    std::vector<Endpoint> tried;
    const TimePoint now = relay_.worker_.poller.now();
    const bool by_source = service_.service->balancing.how == Balance::kSourceHash;
    const std::uint64_t key = by_source ? key_of(path.peer.address) : 0;
    while (tried.size() < service_.balancer.size()) {
        const auto endpoint = service_.balancer.pick({tried, key, 0}, now);
        if (!endpoint) break;
        if (open(*endpoint)) return true;
        (void)service_.balancer.failed(*endpoint, now);
        tried.push_back(*endpoint);
    }
    relay_.worker_.metrics.failed(service_.balancer.size() == 0 ? HopReason::kNameNotResolved
                                                                : HopReason::kNoHealthyUpstream);
    return false;
}

bool DatagramRelay::Client::open(const Endpoint& endpoint) {
    close();
    const int family = endpoint.address.is_v4() ? AF_INET : AF_INET6;
    fd_ = runtime::FileDescriptor(::socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    const auto address = runtime::to_socket_address(endpoint);
    if (!fd_ || ::connect(fd_.get(), &address.any, address.size) != 0) return false;
    if (!relay_.worker_.poller.add(fd_.get(), *this)) return false;
    endpoint_ = endpoint;
    running_.end();
    running_ = service_.balancer.begin(endpoint_);
    header_ = datagram_header(service_.service->send_proxy_protocol, path.peer,
                              {path.local, relay_.local().port});
    return true;
}

// False when its upstream has refused an earlier one: nobody listens there.
bool DatagramRelay::Client::write(ByteView payload) {
    const std::array<iovec, 2> parts{
        iovec{header_.data(), header_.size()},
        iovec{const_cast<std::uint8_t*>(payload.data()), payload.size()}};
    msghdr message{};
    message.msg_iov = const_cast<iovec*>(parts.data());
    message.msg_iovlen = parts.size();
    const ssize_t sent = ::sendmsg(fd_.get(), &message, MSG_NOSIGNAL);
    return sent >= 0 || errno != ECONNREFUSED;  // a full buffer: lost, as on any wire
}

void DatagramRelay::Client::send(ByteView payload) {
    stay_awake();
    service_.streams->from_clients.add(payload.size());
    from_client_ += payload.size();
    if (!fd_ && !connect()) return;
    if (write(payload)) return;
    refused();
    if (fd_) (void)write(payload);
}

void DatagramRelay::Client::refused() {
    const TimePoint now = relay_.worker_.poller.now();
    relay_.worker_.metrics.failed(HopReason::kConnectRefused);
    if (service_.balancer.failed(endpoint_, now))
        relay_.worker_.upstream_changed(endpoint_, HopReason::kConnectRefused);
    if (!connect()) close();
}

void DatagramRelay::Client::on_ready(std::uint32_t) {
    for (int turn = 0; fd_; ++turn) {
        if (turn == kReadsPerTurn) {  // others first: watched anew, it is ready again
            relay_.worker_.poller.remove(fd_.get());
            (void)relay_.worker_.poller.add(fd_.get(), *this);
            return;
        }
        const ssize_t got = ::recv(fd_.get(), relay_.room_.get(), kMostDatagram, 0);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0 && errno == ECONNREFUSED) return refused();
        if (got < 0) return;
        const auto octets = static_cast<std::size_t>(got);
        const TimePoint now = relay_.worker_.poller.now();
        stay_awake();
        service_.streams->to_clients.add(octets);
        to_client_ += octets;
        if (service_.balancer.succeeded(endpoint_, now))
            relay_.worker_.upstream_changed(endpoint_, HopReason::kNone);
        (void)relay_.socket_->send(path, as_bytes({relay_.room_.get(), octets}));
    }
}

DatagramRelay::DatagramRelay(WorkerState& worker, std::unique_ptr<runtime::UdpSocket> socket)
    : worker_(worker), socket_(std::move(socket)), room_(std::make_unique<char[]>(kMostDatagram)) {}

DatagramRelay::~DatagramRelay() = default;

void DatagramRelay::reap() noexcept { gone_.clear(); }

void DatagramRelay::start() {
    socket_->start([this](runtime::UdpBatch& batch) {
        worker_.poller.refresh();
        for (std::size_t i = 0; i < batch.size(); ++i) take(batch[i]);
    });
}

void DatagramRelay::take(const runtime::Datagram& datagram) {
    const auto known = clients_.find(datagram.path.peer);
    Client* const client = known != clients_.end() ? known->second.get() : admit(datagram.path);
    if (client == nullptr) return;
    client->path = datagram.path;
    client->send(datagram.payload);
}

DatagramRelay::Client* DatagramRelay::admit(const runtime::UdpPath& path) {
    const auto index = worker_.generation->snapshot->stream_at(StreamKind::kUdp, local());
    if (!index) return nullptr;
    ServiceState& service = worker_.generation->services[*index];
    const StreamRoute& route = service.service->stream;
    const IpAddress& address = path.peer.address;
    const auto refuse = [&](HopReason why) {
        worker_.metrics.failed(why);
        return nullptr;
    };
    if (!route.allow.empty() && !is_trusted(address, route.allow))
        return refuse(HopReason::kForbidden);
    const auto count = by_client_.find(worker_.generation->snapshot->one_client(address));
    if (count != by_client_.end() && count->second >= kMostOfOneClient && !address.is_loopback())
        return refuse(HopReason::kTooManyConnections);
    // The client gives the place back when it goes.
    auto client = std::make_unique<Client>(*this, path, worker_.generation, service);
    if (service.shared->running.fetch_add(1, std::memory_order_relaxed) >= route.most)
        return refuse(HopReason::kOverloaded);
    if (!client->connect()) return nullptr;
    service.streams->accepted.add();
    client->let_in();
    ++by_client_[client->counted_as()];
    return clients_.emplace(path.peer, std::move(client)).first->second.get();
}

void DatagramRelay::forget(Client& client, StreamClose how) {
    client.ends(how);
    const auto it = clients_.find(client.path.peer);
    if (it == clients_.end()) return;
    const auto count = by_client_.find(client.counted_as());
    if (count != by_client_.end() && --count->second == 0) by_client_.erase(count);
    client.close();
    gone_.push_back(std::move(it->second));  // events for it may be waiting
    clients_.erase(it);
}

void DatagramRelay::look_at_upstreams() {
    const auto index = worker_.generation->snapshot->stream_at(StreamKind::kUdp, local());
    if (!index) return;
    const Balancer& balancer = worker_.generation->services[*index].balancer;
    std::vector<Client*> left;
    for (const auto& [peer, client] : clients_) {
        if (!balancer.serves(client->endpoint())) left.push_back(client.get());
    }
    for (Client* client : left) forget(*client, StreamClose::kMoved);
}

}  // namespace hearth::proxy
