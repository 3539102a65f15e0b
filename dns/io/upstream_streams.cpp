#include "dns/io/upstream_streams.h"

#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>
#include <chrono>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

#include "dns/io/h2_session.h"
#include "dns/model/protocol.h"
#include "runtime/event_loop.h"
#include "runtime/file_descriptor.h"
#include "runtime/log.h"
#include "runtime/socket_address.h"

namespace hearth::dns {
namespace {

using Clock = std::chrono::steady_clock;

constexpr Duration kIdle = 30s;
constexpr Duration kSilence = 3s;  // with questions waiting
constexpr std::size_t kPrefix = 2;
constexpr std::size_t kMostUnsent = 256U << 10;
constexpr std::string_view kDnsMessage = "application/dns-message";

// Connecting still when it is returned; an empty one where that failed at once.
runtime::FileDescriptor begin_connection(const Endpoint& endpoint) {
    const auto address = runtime::to_socket_address(endpoint);
    runtime::FileDescriptor socket(
        ::socket(address.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!socket) return socket;
    runtime::set_option(socket.get(), IPPROTO_TCP, TCP_NODELAY, 1);
    if (::connect(socket.get(), &address.any, address.size) == 0 || errno == EINPROGRESS)
        return socket;
    return {};
}

}  // namespace

// The connection to one server.
class UpstreamLink final : public std::enable_shared_from_this<UpstreamLink>,
                           private ByteStream::User,
                           private H2Events {
public:
    UpstreamLink(UpstreamStreams& owner, UpstreamIndex upstream, UpstreamServer server)
        : owner_(owner), upstream_(upstream), server_(std::move(server)) {}

    void ask(std::uint64_t exchange, ByteView question) {
        Question asked{exchange, load_be16(question.data()), {question.begin(), question.end()}};
        if (!send(std::move(asked))) fail_later(exchange);
    }

    void tidy(Clock::time_point now) {
        if (!stream_) return;
        const bool silent = !waiting_.empty() && now - std::max(heard_at_, asked_at_) > kSilence;
        if (silent) return broken("does not answer");
        if (waiting_.empty() && now - asked_at_ > kIdle) close();
    }

    void close() {
        stream_.reset();
        h2_.reset();
        in_.clear();
    }

    [[nodiscard]] const std::string& trouble() const noexcept { return trouble_; }

private:
    struct Question {
        std::uint64_t exchange = 0;
        std::uint16_t id = 0;  // as the plan chose it
        std::vector<std::uint8_t> packet;
        bool repeated = false;
    };

    [[nodiscard]] bool send(Question question) {
        if (!stream_ && !open()) return false;
        asked_at_ = Clock::now();
        return server_.protocol == UpstreamProtocol::kHttps ? post(std::move(question))
                                                            : write(std::move(question));
    }

    [[nodiscard]] bool open() {
        auto socket = begin_connection(server_.endpoint);
        if (!socket) return false;
        if (server_.protocol == UpstreamProtocol::kTls ||
            server_.protocol == UpstreamProtocol::kHttps) {
            const bool https = server_.protocol == UpstreamProtocol::kHttps;
            if (!owner_.trust_) return false;
            const std::string host =
                server_.host.empty() ? server_.endpoint.address.to_string() : server_.host;
            stream_ = make_tls_client_stream(owner_.loop_, std::move(socket), owner_.buffer_,
                                             owner_.trust_, host,
                                             https ? TlsUse::kDoh : TlsUse::kDot, ticket_);
            if (https) h2_.emplace(H2Session::Side::kClient, static_cast<H2Events&>(*this));
        } else {
            stream_ = make_plain_stream(owner_.loop_, std::move(socket), owner_.buffer_);
        }
        if (!stream_) return false;
        answered_any_ = false;
        heard_at_ = Clock::now();
        stream_->start(*this);
        if (h2_) flush_h2();
        return stream_ != nullptr;
    }

    // --- TCP and TLS: a length before each message (RFC 1035 §4.2.2) ---

    [[nodiscard]] bool write(Question question) {
        if (stream_->unsent() > kMostUnsent || waiting_.size() >= UINT16_MAX) return false;
        std::uint16_t id = question.id;
        while (waiting_.contains(id)) ++id;
        std::vector<std::uint8_t> framed(kPrefix + question.packet.size());
        store_be16(framed.data(), static_cast<std::uint16_t>(question.packet.size()));
        std::copy(question.packet.begin(), question.packet.end(), framed.begin() + kPrefix);
        store_be16(framed.data() + kPrefix, id);
        waiting_.emplace(id, std::move(question));
        stream_->write(framed);
        return true;
    }

    void take_messages(ByteView octets) {
        in_.insert(in_.end(), octets.begin(), octets.end());
        std::size_t at = 0;
        while (stream_ && in_.size() - at >= kPrefix) {
            const std::size_t size = load_be16(in_.data() + at);
            if (in_.size() - at - kPrefix < size) break;
            // The answer may lead to calls that change in_.
            const std::vector<std::uint8_t> message(
                in_.begin() + static_cast<std::ptrdiff_t>(at + kPrefix),
                in_.begin() + static_cast<std::ptrdiff_t>(at + kPrefix + size));
            at += kPrefix + size;
            if (size >= kHeaderSize) answered(load_be16(message.data()), message);
        }
        if (stream_) in_.erase(in_.begin(), in_.begin() + static_cast<std::ptrdiff_t>(at));
    }

    // --- HTTPS ---

    [[nodiscard]] bool post(Question question) {
        if (!h2_->accepts_requests() || stream_->unsent() > kMostUnsent) return false;
        store_be16(question.packet.data(), 0);  // RFC 8484 §4.1
        const std::string host =
            server_.host.empty() ? server_.endpoint.address.to_string() : server_.host;
        const auto stream = h2_->request({host, server_.path, question.packet});
        if (!stream) return false;
        waiting_.emplace(static_cast<std::uint32_t>(*stream), std::move(question));
        flush_h2();
        return true;
    }

    void flush_h2() {
        std::vector<std::uint8_t> out;
        h2_->take_output(out);
        if (!out.empty()) stream_->write(out);
    }

    void on_message(std::int32_t stream, const H2Message& message) override {
        const bool good = message.status == 200 && message.content_type == kDnsMessage &&
                          message.body.size() >= kHeaderSize;
        if (good) return answered(static_cast<std::uint32_t>(stream), message.body);
        trouble_ = "HTTP status " + std::to_string(message.status);
        failed(static_cast<std::uint32_t>(stream));
    }

    void on_stream_closed(std::int32_t stream) override {
        failed(static_cast<std::uint32_t>(stream));
    }

    // --- the stream ---

    void on_octets(ByteView octets) override {
        const auto self = shared_from_this();
        heard_at_ = Clock::now();
        if (!h2_) return take_messages(octets);
        if (stream_->protocol() != "h2") return broken("does not speak HTTP/2");
        const bool good = h2_->feed(octets);
        if (!h2_) return;
        flush_h2();
        if (!good || h2_->finished()) broken(good ? "" : "breaks the rules of HTTP/2");
    }

    void on_end(StreamEnd) override {
        const auto self = shared_from_this();
        const std::string why = stream_->trouble();
        broken(!why.empty() ? why : answered_any_ ? "" : "closed the connection");
    }

    void on_drained() override {
        if (h2_ && stream_) flush_h2();
    }

    // --- questions ---

    void answered(std::uint32_t key, ByteView message) {
        const auto found = waiting_.find(key);
        if (found == waiting_.end()) return;
        const Question question = std::move(found->second);
        waiting_.erase(found);
        answered_any_ = true;
        trouble_.clear();
        std::vector<std::uint8_t> packet(message.begin(), message.end());
        store_be16(packet.data(), question.id);
        owner_.on_answer_(question.exchange, upstream_, packet);
    }

    void failed(std::uint32_t key) {
        const auto found = waiting_.find(key);
        if (found == waiting_.end()) return;
        const std::uint64_t exchange = found->second.exchange;
        waiting_.erase(found);
        fail_later(exchange);
    }

    // Never at once: a connection may break while it is written to, and then who asks is still
    // asking.
    void fail_later(std::uint64_t exchange) {
        owner_.loop_.post([weak = weak_from_this(), exchange] {
            if (const auto self = weak.lock())
                self->owner_.on_answer_(exchange, self->upstream_, {});
        });
    }

    // A server may close a kept connection at any time: what was asked on it is asked again.
    void broken(const std::string& why) {
        const bool was_kept = answered_any_;
        const auto questions = std::exchange(waiting_, {});
        close();
        if (!why.empty() && why != trouble_) {
            trouble_ = why;
            log::warn("upstream_connection", {{"upstream", server_.to_string()}, {"trouble", why}});
        }
        for (const auto& [key, question] : questions) {
            Question again = question;
            if (was_kept && !std::exchange(again.repeated, true) && send(std::move(again)))
                continue;
            fail_later(question.exchange);
        }
    }

    UpstreamStreams& owner_;
    UpstreamIndex upstream_;
    UpstreamServer server_;
    std::unique_ptr<ByteStream> stream_;
    std::optional<H2Session> h2_;
    std::shared_ptr<TlsTicket> ticket_ = make_tls_ticket(server_.pins);
    std::vector<std::uint8_t> in_;
    std::unordered_map<std::uint32_t, Question> waiting_;  // by ID on the wire, or HTTP/2 stream
    Clock::time_point asked_at_{};
    Clock::time_point heard_at_{};
    bool answered_any_ = false;  // on this connection
    std::string trouble_;
};

UpstreamStreams::UpstreamStreams(runtime::EventLoop& loop, OnAnswer on_answer)
    : loop_(loop), on_answer_(std::move(on_answer)), buffer_(kReadBufferSize) {}

UpstreamStreams::~UpstreamStreams() {
    for (const auto& [upstream, link] : links_) link->close();
}

void UpstreamStreams::set_trust(std::shared_ptr<const TlsTrust> trust) {
    trust_ = std::move(trust);
}

void UpstreamStreams::ask(std::uint64_t exchange, UpstreamIndex upstream,
                          const UpstreamServer& server, ByteView question) {
    auto& link = links_[upstream];
    if (!link) link = std::make_shared<UpstreamLink>(*this, upstream, server);
    link->ask(exchange, question);
}

void UpstreamStreams::tidy() {
    const auto now = Clock::now();
    for (const auto& [upstream, link] : links_) link->tidy(now);
}

std::map<UpstreamIndex, std::string> UpstreamStreams::troubles() const {
    std::map<UpstreamIndex, std::string> all;
    for (const auto& [upstream, link] : links_)
        if (!link->trouble().empty()) all[upstream] = link->trouble();
    return all;
}

}  // namespace hearth::dns
