#include "proxy/io/http2_session.h"

#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>

#include "proxy/core/http2_frames.h"
#include "proxy/io/piece_pool.h"

namespace hearth::proxy {

namespace {

constexpr std::size_t kMaxFields = 192;
// A client's, of all streams together: more than their own windows come to.
constexpr std::int32_t kAllAnswers = 16 * 1024 * 1024;
constexpr std::size_t kMaxAcks = 100;       // of PING and SETTINGS that wait to be sent
constexpr std::uint64_t kResetBurst = 400;  // streams that a client took back; more by the second
constexpr std::uint64_t kResetRate = 50;

std::string_view text_of(const std::uint8_t* data, std::size_t size) noexcept {
    return {reinterpret_cast<const char*>(data), size};
}

// nghttp2 takes what it does not change without const.
std::uint8_t* octets_of(std::string_view text) noexcept {
    return reinterpret_cast<std::uint8_t*>(const_cast<char*>(text.data()));
}

// As nghttp2 wants them, during a call: it makes copies.
class FieldArray {
public:
    explicit FieldArray(std::span<const Http2Field> fields) noexcept
        : size_(std::min(fields.size(), kMaxFields)) {
        for (std::size_t i = 0; i < size_; ++i) {
            fields_[i] = {octets_of(fields[i].name), octets_of(fields[i].value),
                          fields[i].name.size(), fields[i].value.size(), NGHTTP2_NV_FLAG_NONE};
        }
    }
    [[nodiscard]] const nghttp2_nv* data() const noexcept { return fields_.data(); }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }

private:
    std::size_t size_;
    std::array<nghttp2_nv, kMaxFields> fields_;
};

nghttp2_mem memory_from(PiecePool* pieces) noexcept {
    nghttp2_mem memory{};
    memory.mem_user_data = pieces;
    memory.malloc = [](std::size_t octets, void* self) {
        return static_cast<PiecePool*>(self)->take(octets);
    };
    memory.free = [](void* piece, void* self) { static_cast<PiecePool*>(self)->give_back(piece); };
    memory.calloc = [](std::size_t count, std::size_t size, void* self) -> void* {
        if (size != 0 && count > std::numeric_limits<std::size_t>::max() / size) return nullptr;
        void* const piece = static_cast<PiecePool*>(self)->take(count * size);
        return piece != nullptr ? std::memset(piece, 0, count * size) : nullptr;
    };
    memory.realloc = [](void* piece, std::size_t octets, void* self) {
        return static_cast<PiecePool*>(self)->resize(piece, octets);
    };
    return memory;
}

std::uint32_t code_of(Http2Session::Why why) noexcept {
    switch (why) {
        case Http2Session::Why::kNoError: return NGHTTP2_NO_ERROR;
        case Http2Session::Why::kInternalError: return NGHTTP2_INTERNAL_ERROR;
        case Http2Session::Why::kCancel: return NGHTTP2_CANCEL;
    }
    return NGHTTP2_INTERNAL_ERROR;
}

}  // namespace

struct Http2Session::Impl {
    Acceptor* acceptor = nullptr;
    nghttp2_session* session = nullptr;
    Http2FrameCounter frames{NGHTTP2_CLIENT_MAGIC_LEN};
    std::string_view unsent;  // of a frame that nghttp2 serialised
    std::span<char> room;     // where send() writes
    std::size_t filled = 0;
    std::uint64_t decoded = 0;
    std::uint64_t pongs = 0;
    bool knows_peer = false;  // its SETTINGS
    bool blames_peer = false;

    explicit Impl(Acceptor* a) noexcept : acceptor(a) {}
    Impl(const Impl&) = delete;
    Impl& operator=(const Impl&) = delete;
    ~Impl() { nghttp2_session_del(session); }

    void open(Side side, PiecePool* pieces);
    [[nodiscard]] Http2StreamUser* user_of(std::int32_t id) const noexcept {
        return static_cast<Http2StreamUser*>(nghttp2_session_get_stream_user_data(session, id));
    }
    [[nodiscard]] bool copy_unsent() noexcept;

    [[nodiscard]] static Impl& of(void* self) noexcept { return *static_cast<Impl*>(self); }
    static void set_receiving(nghttp2_session_callbacks* callbacks);
    static void set_sending(nghttp2_session_callbacks* callbacks);
    static int on_begin(nghttp2_session* session, const nghttp2_frame* frame, void* self);
    static int on_field(nghttp2_session* session, const nghttp2_frame* frame,
                        const std::uint8_t* name, std::size_t name_size, const std::uint8_t* value,
                        std::size_t value_size, std::uint8_t flags, void* self);
    static int on_frame(nghttp2_session* session, const nghttp2_frame* frame, void* self);
    static int on_data(nghttp2_session* session, std::uint8_t flags, std::int32_t id,
                       const std::uint8_t* data, std::size_t size, void* self);
    static int on_closed(nghttp2_session* session, std::int32_t id, std::uint32_t code, void* self);
    static int on_sent(nghttp2_session* session, const nghttp2_frame* frame, void* self);
    static ssize_t supply(nghttp2_session* session, std::int32_t id, std::uint8_t* buffer,
                          std::size_t most, std::uint32_t* flags, nghttp2_data_source* source,
                          void* self);
    static int send_data(nghttp2_session* session, nghttp2_frame* frame, const std::uint8_t* head,
                         std::size_t size, nghttp2_data_source* source, void* self);
};

int Http2Session::Impl::on_begin(nghttp2_session* session, const nghttp2_frame* frame, void* self) {
    if (frame->headers.cat != NGHTTP2_HCAT_REQUEST) return 0;
    Http2StreamUser* user = of(self).acceptor->on_stream(frame->hd.stream_id);
    if (user == nullptr) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    nghttp2_session_set_stream_user_data(session, frame->hd.stream_id, user);
    return 0;
}

int Http2Session::Impl::on_field(nghttp2_session*, const nghttp2_frame* frame,
                                 const std::uint8_t* name, std::size_t name_size,
                                 const std::uint8_t* value, std::size_t value_size, std::uint8_t,
                                 void* self) {
    of(self).decoded += name_size + value_size;
    Http2StreamUser* user = of(self).user_of(frame->hd.stream_id);
    if (user == nullptr || user->on_field(text_of(name, name_size), text_of(value, value_size)))
        return 0;
    return NGHTTP2_ERR_CALLBACK_FAILURE;  // it would decode the rest of what it was given
}

int Http2Session::Impl::on_frame(nghttp2_session*, const nghttp2_frame* frame, void* self) {
    const bool ends = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    if (frame->hd.type == NGHTTP2_HEADERS) {
        if (Http2StreamUser* user = of(self).user_of(frame->hd.stream_id))
            user->on_fields_end(ends ? StreamEnd::kEnded : StreamEnd::kOpen);
    } else if (frame->hd.type == NGHTTP2_DATA && ends) {
        if (Http2StreamUser* user = of(self).user_of(frame->hd.stream_id)) user->on_data_end();
    } else if (frame->hd.type == NGHTTP2_SETTINGS && (frame->hd.flags & NGHTTP2_FLAG_ACK) == 0) {
        of(self).knows_peer = true;
    } else if (frame->hd.type == NGHTTP2_PING && (frame->hd.flags & NGHTTP2_FLAG_ACK) != 0) {
        ++of(self).pongs;
    }
    return 0;
}

int Http2Session::Impl::on_data(nghttp2_session*, std::uint8_t, std::int32_t id,
                                const std::uint8_t* data, std::size_t size, void* self) {
    if (Http2StreamUser* user = of(self).user_of(id)) {
        user->on_data(text_of(data, size));
    } else {
        nghttp2_session_consume_connection(of(self).session, size);
    }
    return 0;
}

int Http2Session::Impl::on_closed(nghttp2_session*, std::int32_t id, std::uint32_t, void* self) {
    if (Http2StreamUser* user = of(self).user_of(id)) user->on_closed();
    return 0;
}

int Http2Session::Impl::on_sent(nghttp2_session*, const nghttp2_frame* frame, void* self) {
    if (frame->hd.type == NGHTTP2_GOAWAY)
        of(self).blames_peer |= frame->goaway.error_code != NGHTTP2_NO_ERROR;
    const bool carries = frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA;
    if (!carries || (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) == 0) return 0;
    if (Http2StreamUser* user = of(self).user_of(frame->hd.stream_id)) user->on_end_sent();
    return 0;
}

ssize_t Http2Session::Impl::supply(nghttp2_session* session, std::int32_t id, std::uint8_t*,
                                   std::size_t most, std::uint32_t* flags, nghttp2_data_source*,
                                   void* self) {
    Http2StreamUser* user = of(self).user_of(id);
    if (user == nullptr) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    const Http2StreamUser::Supply supply = user->supply();
    const std::size_t octets = std::min(supply.octets, most);
    if (octets == 0 && !supply.is_last) return NGHTTP2_ERR_DEFERRED;
    *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
    if (!supply.is_last || octets < supply.octets) return static_cast<ssize_t>(octets);
    *flags |= NGHTTP2_DATA_FLAG_EOF;
    if (!supply.trailers.empty()) {
        Http2Fields fields;
        fields.split_trailers(supply.trailers);
        const FieldArray array(fields.all());
        *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
        nghttp2_submit_trailer(session, id, array.data(), array.size());
    }
    return static_cast<ssize_t>(octets);
}

int Http2Session::Impl::send_data(nghttp2_session*, nghttp2_frame* frame, const std::uint8_t* head,
                                  std::size_t size, nghttp2_data_source*, void* self) {
    Impl& impl = of(self);
    if (impl.room.size() - impl.filled < Http2FrameCounter::kHead + size)
        return NGHTTP2_ERR_WOULDBLOCK;
    Http2StreamUser* user = impl.user_of(frame->hd.stream_id);
    if (user == nullptr) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    char* const to = impl.room.data() + impl.filled;
    std::memcpy(to, head, Http2FrameCounter::kHead);
    if (size > 0) user->take(to + Http2FrameCounter::kHead, size);
    impl.filled += Http2FrameCounter::kHead + size;
    return 0;
}

void Http2Session::Impl::set_receiving(nghttp2_session_callbacks* callbacks) {
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_begin);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_field);
    // What is malformed must not be left out silently, which is what happens without this.
    nghttp2_session_callbacks_set_on_invalid_header_callback(
        callbacks,
        [](nghttp2_session*, const nghttp2_frame*, const std::uint8_t*, std::size_t,
           const std::uint8_t*, std::size_t, std::uint8_t,
           void*) -> int { return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE; });
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_closed);
}

void Http2Session::Impl::set_sending(nghttp2_session_callbacks* callbacks) {
    nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, on_sent);
    nghttp2_session_callbacks_set_send_data_callback(callbacks, send_data);
}

void Http2Session::Impl::open(Side side, PiecePool* pieces) {
    nghttp2_mem memory = memory_from(pieces);
    nghttp2_mem* const own_memory = pieces != nullptr ? &memory : nullptr;
    nghttp2_session_callbacks* callbacks = nullptr;
    nghttp2_option* option = nullptr;
    nghttp2_session_callbacks_new(&callbacks);
    nghttp2_option_new(&option);
    set_receiving(callbacks);
    set_sending(callbacks);
    nghttp2_option_set_no_auto_window_update(option, 1);
    nghttp2_option_set_max_outbound_ack(option, kMaxAcks);
    nghttp2_option_set_stream_reset_rate_limit(option, kResetBurst, kResetRate);
    nghttp2_option_set_no_rfc9113_leading_and_trailing_ws_validation(option, 1);  // we trim
    if (side == Side::kServer) {
        nghttp2_session_server_new3(&session, callbacks, this, option, own_memory);
    } else {
        nghttp2_session_client_new3(&session, callbacks, this, option, own_memory);
    }
    nghttp2_option_del(option);
    nghttp2_session_callbacks_del(callbacks);
}

Http2Session::Http2Session(Side side, Acceptor* acceptor, PiecePool* pieces)
    : impl_(std::make_unique<Impl>(acceptor)) {
    impl_->open(side, pieces);
    if (side == Side::kClient) {
        const std::array settings{
            nghttp2_settings_entry{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, BodyWindow::kFirst},
            nghttp2_settings_entry{NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
        };
        nghttp2_submit_settings(impl_->session, NGHTTP2_FLAG_NONE, settings.data(),
                                settings.size());
        widen(0, kAllAnswers);
        return;
    }
    const std::array settings{
        nghttp2_settings_entry{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, BodyWindow::kFirst},
        nghttp2_settings_entry{NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, Http2RequestHead::kMaxOctets},
        nghttp2_settings_entry{NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1},
        nghttp2_settings_entry{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, kMaxStreams},
        nghttp2_settings_entry{NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 1},  // RFC 8441
    };
    nghttp2_submit_settings(impl_->session, NGHTTP2_FLAG_NONE, settings.data(), settings.size());
    widen(0, PathWindow::kFirst);
}

Http2Session::~Http2Session() = default;

bool Http2Session::receive(std::span<const char> octets) {
    impl_->frames.pass(octets);
    const ssize_t used = nghttp2_session_mem_recv(
        impl_->session, reinterpret_cast<const std::uint8_t*>(octets.data()), octets.size());
    impl_->blames_peer |= used < 0;
    return used >= 0 && nghttp2_session_want_read(impl_->session) != 0;
}

// False when the room is full.
bool Http2Session::Impl::copy_unsent() noexcept {
    const std::size_t fits = std::min(unsent.size(), room.size() - filled);
    std::copy_n(unsent.data(), fits, room.data() + filled);
    filled += fits;
    unsent.remove_prefix(fits);
    return unsent.empty();
}

std::size_t Http2Session::send(std::span<char> room) {
    impl_->room = room;
    impl_->filled = 0;
    while (impl_->copy_unsent()) {
        const std::uint8_t* frames = nullptr;
        const ssize_t size = nghttp2_session_mem_send(impl_->session, &frames);
        if (size <= 0) break;  // nothing more, no room for DATA, or out of memory
        impl_->unsent = text_of(frames, static_cast<std::size_t>(size));
    }
    return impl_->filled;
}

bool Http2Session::is_over() const noexcept {
    return nghttp2_session_want_read(impl_->session) == 0 &&
           nghttp2_session_want_write(impl_->session) == 0 && impl_->unsent.empty();
}

void Http2Session::respond(std::int32_t id, std::span<const Http2Field> fields, Head head,
                           StreamEnd end) {
    const FieldArray array(fields);
    if (head == Head::kInterim) {
        nghttp2_submit_headers(impl_->session, NGHTTP2_FLAG_NONE, id, nullptr, array.data(),
                               array.size(), nullptr);
        return;
    }
    nghttp2_data_provider body{};
    body.read_callback = Impl::supply;
    nghttp2_submit_response(impl_->session, id, array.data(), array.size(),
                            end == StreamEnd::kOpen ? &body : nullptr);
}

std::int32_t Http2Session::ask(std::span<const Http2Field> fields, StreamEnd end,
                               Http2StreamUser& user) {
    const FieldArray array(fields);
    nghttp2_data_provider body{};
    body.read_callback = Impl::supply;
    const std::int32_t id =
        nghttp2_submit_request(impl_->session, nullptr, array.data(), array.size(),
                               end == StreamEnd::kOpen ? &body : nullptr, &user);
    return std::max(id, 0);
}

void Http2Session::forget(std::int32_t id) {
    nghttp2_session_set_stream_user_data(impl_->session, id, nullptr);
}

bool Http2Session::takes_requests() const noexcept {
    return nghttp2_session_check_request_allowed(impl_->session) != 0;
}

std::size_t Http2Session::most_requests() const noexcept {
    return std::min(kMaxStreams, nghttp2_session_get_remote_settings(
                                     impl_->session, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS));
}

std::optional<bool> Http2Session::takes_tunnels() const noexcept {
    if (!impl_->knows_peer) return std::nullopt;
    return nghttp2_session_get_remote_settings(impl_->session,
                                               NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL) == 1;
}

void Http2Session::resume(std::int32_t id) { nghttp2_session_resume_data(impl_->session, id); }

void Http2Session::consume_of_stream(std::int32_t id, std::size_t octets, Tell tell) {
    if (tell == Tell::kInTime) {
        nghttp2_session_consume_stream(impl_->session, id, octets);
    } else {
        nghttp2_submit_window_update(impl_->session, NGHTTP2_FLAG_NONE, id,
                                     static_cast<std::int32_t>(octets));
    }
}

void Http2Session::consume_of_all(std::size_t octets) {
    nghttp2_session_consume_connection(impl_->session, octets);
}

void Http2Session::consume(std::int32_t id, std::size_t octets) {
    nghttp2_session_consume(impl_->session, id, octets);
}

void Http2Session::widen(std::int32_t id, std::int32_t window) {
    nghttp2_session_set_local_window_size(impl_->session, NGHTTP2_FLAG_NONE, id, window);
}

void Http2Session::reset(std::int32_t id, Why why) {
    nghttp2_submit_rst_stream(impl_->session, NGHTTP2_FLAG_NONE, id, code_of(why));
}

void Http2Session::announce_end() { nghttp2_submit_shutdown_notice(impl_->session); }

void Http2Session::refuse_streams() {
    nghttp2_submit_goaway(impl_->session, NGHTTP2_FLAG_NONE,
                          nghttp2_session_get_last_proc_stream_id(impl_->session), NGHTTP2_NO_ERROR,
                          nullptr, 0);
}

void Http2Session::expel() {
    nghttp2_session_terminate_session(impl_->session, NGHTTP2_ENHANCE_YOUR_CALM);
}

void Http2Session::ping() { nghttp2_submit_ping(impl_->session, NGHTTP2_FLAG_NONE, nullptr); }

std::uint64_t Http2Session::pongs() const noexcept { return impl_->pongs; }

bool Http2Session::blames_peer() const noexcept { return impl_->blames_peer; }

std::uint64_t Http2Session::decoded() const noexcept { return impl_->decoded; }

std::uint64_t Http2Session::idle_frames() const noexcept { return impl_->frames.idle(); }

}  // namespace hearth::proxy
