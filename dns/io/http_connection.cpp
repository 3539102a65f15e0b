#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/proxy_protocol.h"
#include "dns/core/doh_request.h"
#include "dns/core/http1_request.h"
#include "dns/io/connection.h"
#include "dns/io/h2_session.h"
#include "dns/model/protocol.h"

namespace hearth::dns {
namespace {

constexpr std::string_view kH2 = "h2";
// The beginning of HTTP/2's preface, which no method of ours has (RFC 9113 §3.4).
constexpr std::string_view kPreface = "PRI";

class HttpConnection final : public Connection, private H2Events {
public:
    HttpConnection(ConnectionHost& owner, ConnectionParty who, HttpFrom from,
                   std::unique_ptr<ByteStream> bytes, runtime::ConnectionPermit permit)
        : Connection(owner, std::move(who), std::move(bytes), std::move(permit)) {
        if (from == HttpFrom::kProxy) header_.emplace();
    }

    void go_on() override {
        if (is_closed()) return;
        const auto rest = std::exchange(kept_, {});
        take(rest);
        if (is_closed() || !kept_.empty() || is_waiting()) return;
        is_paused_ = false;
        stream().resume();
    }

private:
    enum class Speaks : std::uint8_t { kUnknown, kHttp1, kHttp2 };

    [[nodiscard]] bool is_waiting() const noexcept {
        return speaks_ == Speaks::kHttp1 ? unanswered() > 0 : is_busy();
    }

    void take(ByteView octets) override {
        if (header_ && !take_header(octets)) return;
        if (speaks_ == Speaks::kUnknown && !find_out(octets)) return;
        if (is_waiting()) return keep(octets);
        if (speaks_ == Speaks::kHttp2) return take_h2(octets);
        take_http1(octets);
    }

    void keep(ByteView octets) {
        kept_.insert(kept_.end(), octets.begin(), octets.end());
        is_paused_ = true;
        stream().pause();
    }

    // False: there is more to come, or it is none and the connection ends.
    bool take_header(ByteView& octets) {
        const auto state = header_->feed(octets);
        if (state == ProxyHeaderReader::State::kBad) close();
        if (state != ProxyHeaderReader::State::kComplete) return false;
        set_party(header_->client(), header_->local());
        header_.reset();
        return true;
    }

    bool find_out(ByteView& octets) {
        kept_.insert(kept_.end(), octets.begin(), octets.end());
        if (kept_.empty()) return false;
        const bool may_be_h2 = kPreface.starts_with(as_text(kept_).substr(0, kPreface.size()));
        if (may_be_h2 && kept_.size() < kPreface.size()) return false;
        speaks_ = may_be_h2 || stream().protocol() == kH2 ? Speaks::kHttp2 : Speaks::kHttp1;
        if (speaks_ == Speaks::kHttp2) {
            H2Limits limits;
            limits.streams = static_cast<std::uint32_t>(host().most_unanswered());
            h2_.emplace(H2Session::Side::kServer, static_cast<H2Events&>(*this), limits);
        }
        first_ = std::exchange(kept_, {});
        octets = first_;
        return true;
    }

    // --- HTTP/2 ---

    void take_h2(ByteView octets) {
        is_feeding_ = true;
        const bool good = h2_->feed(octets);
        is_feeding_ = false;
        first_.clear();
        if (is_closed()) return;
        pump();
        if (is_closed()) return;
        if (!good) return finish_input();
        if (h2_->finished()) finish_input();
    }

    void pump() {
        static thread_local std::vector<std::uint8_t> output;
        while (!is_closed()) {
            output.clear();
            h2_->take_output(output);
            if (output.empty()) return;
            write(output);
        }
    }

    void on_message(std::int32_t stream, const H2Message& message) override {
        static thread_local std::vector<std::uint8_t> question;
        const int status = read_doh_request(
            {message.method, message.path, message.content_type, message.body}, question);
        if (status != 200) return h2_->respond(stream, {status, {}, std::nullopt, {}});
        ask(stream, question);
    }
    void on_stream_closed(std::int32_t) override {}

    // --- HTTP/1.1 ---

    void take_http1(ByteView octets) {
        while (!octets.empty() && !is_closed()) {
            if (is_waiting()) return keep(octets);
            const auto state = http1_.feed(octets);
            if (state == Http1Reader::State::kNeedMore) {
                if (http1_.wants_continue() && !std::exchange(said_continue_, true))
                    write(as_bytes("HTTP/1.1 100 Continue\r\n\r\n"));
                return;
            }
            said_continue_ = false;
            if (state == Http1Reader::State::kBad) {
                keep_alive_ = false;
                return write_http1(http1_.status(), {});
            }
            handle_http1();
        }
    }

    void handle_http1() {
        const Http1Request request = http1_.request();
        http1_.next();
        keep_alive_ = request.keep_alive;
        static thread_local std::vector<std::uint8_t> question;
        const int status = read_doh_request(
            {request.method, request.path, request.content_type, request.body}, question);
        if (status == 200) return ask(0, question);
        write_http1(status, {});
    }

    void write_http1(int status, ByteView answer) {
        Http1Answer head;
        head.status = status;
        head.size = answer.size();
        head.keep_alive = keep_alive_;
        if (!answer.empty()) {
            head.type = kDohType;
            head.max_age = answer_freshness(answer);
        }
        const std::string text = write_http1_head(head);
        std::vector<std::uint8_t> whole(text.begin(), text.end());
        whole.insert(whole.end(), answer.begin(), answer.end());
        write(whole);
        if (!keep_alive_ && !is_closed()) finish_input();
    }

    // --- answers ---

    void send_answer(std::int32_t stream, ByteView answer) override {
        if (speaks_ == Speaks::kHttp2) {
            h2_->respond(stream, {200, kDohType, answer_freshness(answer), answer});
            if (!is_feeding_) pump();
        } else {
            write_http1(200, answer);
            go_on_with_http1();
        }
    }

    void send_nothing(std::int32_t stream) override {
        if (speaks_ == Speaks::kHttp2) {
            h2_->respond(stream, {503, {}, std::nullopt, {}});
            if (!is_feeding_) pump();
        } else {
            write_http1(503, {});
            go_on_with_http1();
        }
    }

    void go_on_with_http1() {
        if (!is_closed() && is_paused_) host().call_soon(*this);
    }

    std::optional<ProxyHeaderReader> header_;
    Speaks speaks_ = Speaks::kUnknown;
    std::optional<H2Session> h2_;
    Http1Reader http1_;
    std::vector<std::uint8_t> kept_;
    std::vector<std::uint8_t> first_;
    bool is_feeding_ = false;
    bool is_paused_ = false;
    bool keep_alive_ = true;
    bool said_continue_ = false;
};

}  // namespace

std::shared_ptr<Connection> make_http_connection(ConnectionHost& host, ConnectionParty party,
                                                 HttpFrom from, std::unique_ptr<ByteStream> stream,
                                                 runtime::ConnectionPermit permit) {
    return std::make_shared<HttpConnection>(host, std::move(party), from, std::move(stream),
                                            std::move(permit));
}

}  // namespace hearth::dns
