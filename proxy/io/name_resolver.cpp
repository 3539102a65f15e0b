#include "proxy/io/name_resolver.h"

#include <ares.h>
#include <netdb.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <mutex>
#include <unordered_map>

#include "base/time.h"
#include "runtime/event_loop.h"
#include "runtime/socket_address.h"

namespace hearth::proxy {

namespace {

namespace asio = boost::asio;
using Descriptor = asio::posix::stream_descriptor;

constexpr int kShortestTtl = 5;
constexpr int kLongestTtl = 60;
constexpr int kTimeoutMilliseconds = 1500;  // of the first try; c-ares doubles it
constexpr int kTries = 2;

void initialise_library() {
    static std::once_flag once;
    std::call_once(once, [] { ares_library_init(ARES_LIB_INIT_ALL); });
}

}  // namespace

// One question on a channel of its own; c-ares tells which sockets it wants watched.
class NameResolver::Lookup : public std::enable_shared_from_this<Lookup> {
public:
    using Done = std::function<void(std::vector<IpAddress> addresses, int ttl)>;

    Lookup(runtime::EventLoop& loop, Done done)
        : loop_(loop), timer_(loop.context()), done_(std::move(done)) {}
    ~Lookup() { cancel(); }

    void start(const std::string& name);
    // No callback after it.
    void cancel();

private:
    static void socket_state(void* self, ares_socket_t fd, int readable, int writable);
    static void answered(void* self, int status, int timeouts, ares_addrinfo* result);

    void watch(ares_socket_t fd, bool readable, bool writable);
    void wait(ares_socket_t fd, Descriptor::wait_type what);
    void process(ares_socket_t read, ares_socket_t write);
    void set_timer();

    runtime::EventLoop& loop_;
    asio::steady_timer timer_;
    Done done_;
    ares_channel channel_ = nullptr;
    std::unordered_map<ares_socket_t, std::unique_ptr<Descriptor>> sockets_;
};

void NameResolver::Lookup::start(const std::string& name) {
    initialise_library();
    ares_options options{};
    options.sock_state_cb = socket_state;
    options.sock_state_cb_data = this;
    options.timeout = kTimeoutMilliseconds;
    options.tries = kTries;
    const int mask = ARES_OPT_SOCK_STATE_CB | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES;
    if (ares_init_options(&channel_, &options, mask) != ARES_SUCCESS) {
        channel_ = nullptr;
        return answered(this, ARES_ENOTINITIALIZED, 0, nullptr);
    }
    ares_addrinfo_hints hints{};
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    ares_getaddrinfo(channel_, name.c_str(), nullptr, &hints, answered, this);
    set_timer();
}

void NameResolver::Lookup::cancel() {
    done_ = nullptr;
    timer_.cancel();
    if (channel_ != nullptr) ares_destroy(std::exchange(channel_, nullptr));
    for (auto& [fd, descriptor] : sockets_) (void)descriptor->release();
    sockets_.clear();
}

void NameResolver::Lookup::socket_state(void* self, ares_socket_t fd, int readable, int writable) {
    static_cast<Lookup*>(self)->watch(fd, readable != 0, writable != 0);
}

// The descriptor stays c-ares's own; it tells us (0, 0) before it closes it.
void NameResolver::Lookup::watch(ares_socket_t fd, bool readable, bool writable) {
    auto& descriptor = sockets_[fd];
    if (!readable && !writable) {
        if (descriptor) (void)descriptor->release();
        sockets_.erase(fd);
        return;
    }
    if (!descriptor) descriptor = std::make_unique<Descriptor>(loop_.context(), fd);
    if (readable) wait(fd, Descriptor::wait_read);
    if (writable) wait(fd, Descriptor::wait_write);
}

void NameResolver::Lookup::wait(ares_socket_t fd, Descriptor::wait_type what) {
    sockets_[fd]->async_wait(
        what, [self = shared_from_this(), fd, what](const boost::system::error_code& error) {
            if (error || self->channel_ == nullptr) return;
            const bool read = what == Descriptor::wait_read;
            self->process(read ? fd : ARES_SOCKET_BAD, read ? ARES_SOCKET_BAD : fd);
            if (self->channel_ != nullptr && self->sockets_.contains(fd) && read) {
                self->wait(fd, what);
            }
        });
}

void NameResolver::Lookup::process(ares_socket_t read, ares_socket_t write) {
    ares_process_fd(channel_, read, write);
    set_timer();
}

void NameResolver::Lookup::set_timer() {
    timeval left{};
    if (channel_ == nullptr || ares_timeout(channel_, nullptr, &left) == nullptr) {
        timer_.cancel();
        return;
    }
    timer_.expires_after(std::chrono::seconds(left.tv_sec) +
                         std::chrono::microseconds(left.tv_usec));
    timer_.async_wait([self = shared_from_this()](const boost::system::error_code& error) {
        if (error || self->channel_ == nullptr) return;
        self->process(ARES_SOCKET_BAD, ARES_SOCKET_BAD);
    });
}

void NameResolver::Lookup::answered(void* self, int status, int, ares_addrinfo* result) {
    auto& lookup = *static_cast<Lookup*>(self);
    std::vector<IpAddress> addresses;
    int ttl = kLongestTtl;
    for (auto* node = result != nullptr ? result->nodes : nullptr; node != nullptr;
         node = node->ai_next) {
        const IpAddress address = runtime::from_socket_address(*node->ai_addr).address;
        if (std::find(addresses.begin(), addresses.end(), address) != addresses.end()) continue;
        addresses.push_back(address);
        ttl = std::min(ttl, node->ai_ttl);
    }
    if (result != nullptr) ares_freeaddrinfo(result);
    if (!lookup.done_ || status == ARES_EDESTRUCTION) return;
    std::sort(addresses.begin(), addresses.end());
    // The channel is in use below us: report from a fresh turn of the loop.
    asio::post(lookup.loop_.context(),
               [keep = lookup.shared_from_this(), ttl, found = std::move(addresses)]() mutable {
                   if (keep->done_) std::exchange(keep->done_, nullptr)(std::move(found), ttl);
               });
}

std::vector<Endpoint> endpoints_of(const UpstreamSpec& spec, const HostAddresses& addresses) {
    if (spec.address) return {{*spec.address, spec.port}};
    std::vector<Endpoint> endpoints;
    const auto found = addresses.find(spec.host);
    if (found == addresses.end()) return endpoints;
    for (const IpAddress& address : found->second) endpoints.push_back({address, spec.port});
    return endpoints;
}

struct NameResolver::Followed {
    explicit Followed(runtime::EventLoop& loop) : timer(loop.context()) {}
    ~Followed() {
        if (lookup) lookup->cancel();
    }
    asio::steady_timer timer;
    std::shared_ptr<Lookup> lookup;
};

NameResolver::NameResolver(runtime::EventLoop& loop, Changed changed)
    : loop_(loop), changed_(std::move(changed)) {}

NameResolver::~NameResolver() = default;

void NameResolver::follow(const std::set<std::string>& names) {
    std::erase_if(followed_, [&](const auto& each) { return !names.contains(each.first); });
    std::erase_if(addresses_, [&](const auto& each) { return !names.contains(each.first); });
    for (const std::string& name : names) {
        if (followed_.contains(name)) continue;
        followed_.emplace(name, std::make_unique<Followed>(loop_));
        ask(name);
    }
}

void NameResolver::ask(const std::string& name) {
    Followed& followed = *followed_.at(name);
    followed.lookup =
        std::make_shared<Lookup>(loop_, [this, name](std::vector<IpAddress> addresses, int ttl) {
            answered(name, std::move(addresses), ttl);
        });
    followed.lookup->start(name);
}

void NameResolver::answered(const std::string& name, std::vector<IpAddress> addresses, int ttl) {
    Followed& followed = *followed_.at(name);
    followed.lookup->cancel();
    const bool resolved = !addresses.empty();
    if (resolved && addresses_[name] != addresses) {
        addresses_[name] = std::move(addresses);
        changed_(std::make_shared<const HostAddresses>(addresses_));
    }
    const int again = resolved ? std::clamp(ttl, kShortestTtl, kLongestTtl) : kShortestTtl;
    followed.timer.expires_after(std::chrono::seconds(again));
    followed.timer.async_wait([this, name](const boost::system::error_code& error) {
        if (!error) ask(name);
    });
}

}  // namespace hearth::proxy
