// What a client of HTTP/2 sends, cut anywhere: frames through nghttp2 into request heads. Besides
// not crashing, a head that is accepted must be read by an HTTP/1.1 parser as the request it is:
// one request, the same method, target, authority and framing.

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "proxy/core/header_rules.h"
#include "proxy/core/http1_parser.h"
#include "proxy/core/http2_frames.h"
#include "proxy/core/http2_request.h"
#include "proxy/core/trailers.h"
#include "proxy/io/http2_session.h"

namespace {

using namespace hearth::proxy;

void require(bool condition) {
    if (!condition) std::abort();
}

void require_same(const RequestHead& head) {
    std::array<char, 96 * 1024> space;
    const Peer peer{.address = hearth::IpAddress::v4(10, 0, 0, 7), .text = "10.0.0.7"};
    const std::size_t size = write_request_head(head, peer, {}, space);
    require(size > 0);
    constexpr std::size_t kAdded = 8;
    if (head.headers.fields().size() + kAdded > HeaderTable::kCapacity) return;
    RequestParser again({16 * 1024, space.size()});
    require(again.parse({space.data(), size}) == ParseStatus::kDone);
    require(again.consumed() == size);
    require(again.head().method_text == head.method_text);
    require(again.head().target == head.target);
    require(again.head().authority == head.authority);
    require(again.head().body == head.body);
    require(again.head().upgrade == head.upgrade);
}

class Stream final : public Http2StreamUser {
public:
    explicit Stream(Http2Session*& session, std::int32_t id) : session_(session), id_(id) {
        head_.start(space_);
    }

    bool on_field(std::string_view name, std::string_view value) override {
        if (complete_)
            append_trailer(trailers_, name, value, TrailerRule::kMetadata);
        else
            head_.add(name, value);
        return true;
    }
    void on_fields_end(StreamEnd end) override {
        if (std::exchange(complete_, true)) return;
        accepted_ = head_.finish(end) == Refusal::kNone;
        if (accepted_) require_same(head_.head());
    }
    void on_data(std::string_view octets) override { session_->consume(id_, octets.size()); }
    void on_data_end() override { require(complete_); }
    void on_end_sent() override {}
    void on_closed() override { closed = true; }
    Supply supply() override { return {body_.size(), true, {}}; }
    void take(char* to, std::size_t octets) override {
        std::copy_n(body_.data(), octets, to);
        body_.remove_prefix(octets);
    }
    void answer() {
        if (!complete_ || std::exchange(answered_, true)) return;
        const std::array fields{Http2Field{":status", accepted_ ? "200" : "400"}};
        session_->respond(id_, fields, Http2Session::Head::kFinal, StreamEnd::kOpen);
    }

    bool closed = false;

private:
    Http2Session*& session_;
    std::int32_t id_;
    std::array<char, 32 * 1024> space_;
    Http2RequestHead head_;
    std::string trailers_;
    std::string_view body_ = "answer";
    bool complete_ = false;
    bool accepted_ = false;
    bool answered_ = false;
};

class Server final : public Http2Session::Acceptor {
public:
    Server() : owned_(std::make_unique<Http2Session>(Http2Session::Side::kServer, this)) {
        session_ = owned_.get();
    }
    Http2StreamUser* on_stream(std::int32_t id) override {
        return (streams_[id] = std::make_unique<Stream>(session_, id)).get();
    }
    bool feed(std::span<const char> octets) {
        const bool goes_on = session_->receive(octets);
        for (const auto& [id, stream] : streams_) {
            if (!stream->closed) stream->answer();
        }
        std::array<char, 32 * 1024> room;
        while (session_->send(room) > 0) continue;
        std::erase_if(streams_, [](const auto& entry) { return entry.second->closed; });
        return goes_on;
    }

private:
    std::map<std::int32_t, std::unique_ptr<Stream>> streams_;
    Http2Session* session_ = nullptr;
    std::unique_ptr<Http2Session> owned_;
};

}  // namespace

// The first two octets say where the rest is cut; the preface needs not be found by chance.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2) return 0;
    std::string octets = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    octets.append(9, '\0');
    octets[24 + 3] = 4;  // an empty SETTINGS
    octets.append(reinterpret_cast<const char*>(data) + 2, size - 2);
    const std::size_t cut = (static_cast<std::size_t>(data[0]) << 8 | data[1]) % octets.size();

    Server server;
    const std::span<const char> all(octets);
    if (server.feed(all.first(cut))) (void)server.feed(all.subspan(cut));

    Http2FrameCounter whole(24);
    Http2FrameCounter split(24);
    whole.pass(all);
    split.pass(all.first(cut));
    split.pass(all.subspan(cut));
    require(whole.idle() == split.idle());
    return 0;
}
