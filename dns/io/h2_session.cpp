#include "dns/io/h2_session.h"

#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <unordered_map>

namespace hearth::dns {
namespace {

constexpr std::int32_t kConnectionWindow = 1 << 20;
constexpr std::uint32_t kMaxFieldList = 16U << 10;

// One stream: the message that arrives, then the one that leaves.
struct Stream {
    H2Message in;
    std::vector<std::uint8_t> out;
    std::size_t sent = 0;
    bool answered = false;
};

nghttp2_nv field(std::string_view name, std::string_view value) noexcept {
    // nghttp2 copies both and changes neither.
    return {reinterpret_cast<std::uint8_t*>(const_cast<char*>(name.data())),
            reinterpret_cast<std::uint8_t*>(const_cast<char*>(value.data())), name.size(),
            value.size(), NGHTTP2_NV_FLAG_NONE};
}

// A number as the text of a field.
class Digits {
public:
    explicit Digits(std::uint64_t value) noexcept
        : end_(std::to_chars(text_.data(), text_.data() + text_.size(), value).ptr) {}
    [[nodiscard]] std::string_view view() const noexcept {
        return {text_.data(), static_cast<std::size_t>(end_ - text_.data())};
    }

private:
    std::array<char, 20> text_{};
    const char* end_;
};

std::string* kept_field(H2Message& message, std::string_view name) noexcept {
    if (name == ":method") return &message.method;
    if (name == ":path") return &message.path;
    if (name == ":authority") return &message.authority;
    if (name == "content-type") return &message.content_type;
    if (name == "accept") return &message.accept;
    return nullptr;
}

std::string_view text_of(const std::uint8_t* data, std::size_t size) noexcept {
    return {reinterpret_cast<const char*>(data), size};
}

}  // namespace

struct H2Session::Impl {
    Impl(Side s, H2Events& e, const H2Limits& l) : side(s), events(e), limits(l) {}
    Impl(const Impl&) = delete;
    Impl& operator=(const Impl&) = delete;
    ~Impl() { nghttp2_session_del(session); }

    void open();
    void set_callbacks(nghttp2_session_callbacks* callbacks);
    [[nodiscard]] Stream* find(std::int32_t id) {
        const auto found = streams.find(id);
        return found == streams.end() ? nullptr : &found->second;
    }
    void reset(std::int32_t id, std::uint32_t code) {
        nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, id, code);
    }
    int on_field(std::int32_t id, std::string_view name, std::string_view value);
    int on_body(std::int32_t id, ByteView data);
    int on_frame(const nghttp2_frame& frame);
    void complete(std::int32_t id);
    [[nodiscard]] nghttp2_data_provider body_source(std::int32_t id);

    [[nodiscard]] static Impl& of(void* user) noexcept { return *static_cast<Impl*>(user); }

    Side side;
    H2Events& events;
    H2Limits limits;
    nghttp2_session* session = nullptr;
    std::unordered_map<std::int32_t, Stream> streams;
    std::size_t resets = 0;
    bool is_ending = false;  // the peer said GOAWAY, or we did
};

void H2Session::Impl::open() {
    nghttp2_session_callbacks* callbacks = nullptr;
    nghttp2_session_callbacks_new(&callbacks);
    set_callbacks(callbacks);
    if (side == Side::kServer) {
        nghttp2_session_server_new(&session, callbacks, this);
    } else {
        nghttp2_session_client_new(&session, callbacks, this);
    }
    nghttp2_session_callbacks_del(callbacks);
    const std::array settings{
        nghttp2_settings_entry{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, limits.streams},
        nghttp2_settings_entry{NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, kMaxFieldList},
        nghttp2_settings_entry{NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
    };
    // A server does not say ENABLE_PUSH (RFC 9113 §6.5.2).
    const std::size_t count = settings.size() - (side == Side::kServer ? 1 : 0);
    nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, settings.data(), count);
    nghttp2_session_set_local_window_size(session, NGHTTP2_FLAG_NONE, 0, kConnectionWindow);
}

void H2Session::Impl::set_callbacks(nghttp2_session_callbacks* callbacks) {
    nghttp2_session_callbacks_set_on_begin_headers_callback(
        callbacks, [](nghttp2_session*, const nghttp2_frame* frame, void* user) {
            Impl& self = of(user);
            if (self.side == Side::kServer) self.streams.try_emplace(frame->hd.stream_id);
            return 0;
        });
    nghttp2_session_callbacks_set_on_header_callback(
        callbacks, [](nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name,
                      std::size_t name_size, const std::uint8_t* value, std::size_t value_size,
                      std::uint8_t, void* user) {
            return of(user).on_field(frame->hd.stream_id, text_of(name, name_size),
                                     text_of(value, value_size));
        });
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(
        callbacks, [](nghttp2_session*, std::uint8_t, std::int32_t id, const std::uint8_t* data,
                      std::size_t size, void* user) {
            return of(user).on_body(id, {data, size});
        });
    nghttp2_session_callbacks_set_on_frame_recv_callback(
        callbacks, [](nghttp2_session*, const nghttp2_frame* frame, void* user) {
            return of(user).on_frame(*frame);
        });
    nghttp2_session_callbacks_set_on_stream_close_callback(
        callbacks, [](nghttp2_session*, std::int32_t id, std::uint32_t, void* user) {
            Impl& self = of(user);
            if (self.streams.erase(id) > 0) self.events.on_stream_closed(id);
            return 0;
        });
}

int H2Session::Impl::on_field(std::int32_t id, std::string_view name, std::string_view value) {
    Stream* stream = find(id);
    if (stream == nullptr) return 0;
    if (name == ":status") {
        int status = 0;
        std::from_chars(value.data(), value.data() + value.size(), status);
        stream->in.status = status;
        return 0;
    }
    std::string* kept = kept_field(stream->in, name);
    if (kept == nullptr) return 0;
    if (value.size() > limits.field) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    kept->assign(value);
    return 0;
}

int H2Session::Impl::on_body(std::int32_t id, ByteView data) {
    Stream* stream = find(id);
    if (stream == nullptr) return 0;
    if (stream->in.body.size() + data.size() > limits.body) {
        reset(id, NGHTTP2_CANCEL);
        streams.erase(id);
        events.on_stream_closed(id);
        return 0;
    }
    stream->in.body.insert(stream->in.body.end(), data.begin(), data.end());
    return 0;
}

int H2Session::Impl::on_frame(const nghttp2_frame& frame) {
    if (frame.hd.type == NGHTTP2_GOAWAY) is_ending = true;
    // Opening streams only to take them back costs the peer nothing (CVE-2023-44487).
    if (frame.hd.type == NGHTTP2_RST_STREAM && ++resets > limits.resets_per_session)
        return NGHTTP2_ERR_CALLBACK_FAILURE;
    const bool may_end = frame.hd.type == NGHTTP2_DATA || frame.hd.type == NGHTTP2_HEADERS;
    if (may_end && (frame.hd.flags & NGHTTP2_FLAG_END_STREAM) != 0) complete(frame.hd.stream_id);
    return 0;
}

void H2Session::Impl::complete(std::int32_t id) {
    Stream* stream = find(id);
    if (stream == nullptr || stream->answered) return;
    if (side == Side::kClient) stream->answered = true;
    const H2Message message = std::move(stream->in);
    stream->in = {};
    events.on_message(id, message);
}

nghttp2_data_provider H2Session::Impl::body_source(std::int32_t id) {
    nghttp2_data_provider provider{};
    provider.source.fd = id;
    provider.read_callback = [](nghttp2_session*, std::int32_t stream_id, std::uint8_t* room,
                                std::size_t size, std::uint32_t* flags, nghttp2_data_source*,
                                void* user) -> ssize_t {
        Stream* stream = of(user).find(stream_id);
        if (stream == nullptr) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
        const std::size_t count = std::min(size, stream->out.size() - stream->sent);
        std::copy_n(stream->out.begin() + static_cast<std::ptrdiff_t>(stream->sent), count, room);
        stream->sent += count;
        if (stream->sent == stream->out.size()) *flags |= NGHTTP2_DATA_FLAG_EOF;
        return static_cast<ssize_t>(count);
    };
    return provider;
}

H2Session::H2Session(Side side, H2Events& events, const H2Limits& limits)
    : impl_(std::make_unique<Impl>(side, events, limits)) {
    impl_->open();
}

H2Session::~H2Session() = default;

bool H2Session::feed(ByteView octets) {
    const ssize_t used = nghttp2_session_mem_recv(impl_->session, octets.data(), octets.size());
    return used >= 0 && static_cast<std::size_t>(used) == octets.size();
}

void H2Session::take_output(std::vector<std::uint8_t>& out, std::size_t most) {
    while (out.size() < most) {
        const std::uint8_t* data = nullptr;
        const ssize_t size = nghttp2_session_mem_send(impl_->session, &data);
        if (size <= 0) return;
        out.insert(out.end(), data, data + size);
    }
}

void H2Session::respond(std::int32_t id, const Response& response) {
    Stream* stream = impl_->find(id);
    if (stream == nullptr || stream->answered) return;
    stream->answered = true;
    stream->out.assign(response.body.begin(), response.body.end());

    const Digits status(static_cast<std::uint64_t>(response.status));
    const Digits length(response.body.size());
    std::array<char, 32> cache{};
    std::array<nghttp2_nv, 4> fields{field(":status", status.view()),
                                     field("content-length", length.view())};
    std::size_t count = 2;
    if (!response.content_type.empty())
        fields[count++] = field("content-type", response.content_type);
    if (response.max_age) {
        static constexpr std::string_view kPrefix = "max-age=";
        std::copy(kPrefix.begin(), kPrefix.end(), cache.begin());
        char* const digits = cache.data() + kPrefix.size();
        const char* end = std::to_chars(digits, cache.data() + cache.size(), *response.max_age).ptr;
        fields[count++] = field("cache-control", {cache.data(), end});
    }
    const auto source = impl_->body_source(id);
    nghttp2_submit_response(impl_->session, id, fields.data(), count,
                            response.body.empty() ? nullptr : &source);
}

std::optional<std::int32_t> H2Session::request(const Request& request) {
    if (!accepts_requests()) return std::nullopt;
    const Digits length(request.body.size());
    const std::array fields{
        field(":method", "POST"),
        field(":scheme", "https"),
        field(":authority", request.authority),
        field(":path", request.path),
        field("accept", "application/dns-message"),
        field("content-type", "application/dns-message"),
        field("content-length", length.view()),
    };
    const auto source = impl_->body_source(0);
    const std::int32_t id = nghttp2_submit_request(impl_->session, nullptr, fields.data(),
                                                   fields.size(), &source, nullptr);
    if (id < 0) return std::nullopt;
    impl_->streams[id].out.assign(request.body.begin(), request.body.end());
    return id;
}

void H2Session::cancel(std::int32_t id) {
    if (impl_->streams.erase(id) > 0) impl_->reset(id, NGHTTP2_CANCEL);
}

void H2Session::shut_down() {
    impl_->is_ending = true;
    nghttp2_submit_goaway(impl_->session, NGHTTP2_FLAG_NONE,
                          nghttp2_session_get_last_proc_stream_id(impl_->session), NGHTTP2_NO_ERROR,
                          nullptr, 0);
}

bool H2Session::finished() const noexcept {
    const bool idle = nghttp2_session_want_read(impl_->session) == 0 &&
                      nghttp2_session_want_write(impl_->session) == 0;
    return idle || (impl_->is_ending && impl_->streams.empty() &&
                    nghttp2_session_want_write(impl_->session) == 0);
}

std::size_t H2Session::open_streams() const noexcept { return impl_->streams.size(); }

bool H2Session::accepts_requests() const noexcept {
    if (impl_->side != Side::kClient || impl_->is_ending) return false;
    const std::size_t allowed = std::min(
        impl_->limits.streams, nghttp2_session_get_remote_settings(
                                   impl_->session, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS));
    return impl_->streams.size() < allowed &&
           nghttp2_session_check_request_allowed(impl_->session) != 0;
}

}  // namespace hearth::dns
