#include "dns/lists/gunzip.h"

#include <zlib.h>

#include <array>

namespace hearth::dns {
namespace {

constexpr int kGzipWindow = 16 + MAX_WBITS;
constexpr std::size_t kPiece = 64 << 10;

}  // namespace

struct Gunzip::Stream {
    z_stream state{};
    std::array<std::uint8_t, kPiece> text;
};

Gunzip::Gunzip() : stream_(std::make_unique<Stream>()) {
    inflateInit2(&stream_->state, kGzipWindow);
}

Gunzip::~Gunzip() { inflateEnd(&stream_->state); }

Result<void> Gunzip::feed(ByteView bytes, const Take& take) {
    z_stream& state = stream_->state;
    state.next_in = const_cast<std::uint8_t*>(bytes.data());
    state.avail_in = static_cast<uInt>(bytes.size());
    do {
        if (is_whole_ && state.avail_in > 0) {
            inflateReset(&state);
            is_whole_ = false;
        }
        state.next_out = stream_->text.data();
        state.avail_out = static_cast<uInt>(stream_->text.size());
        const int status = inflate(&state, Z_NO_FLUSH);
        if (status != Z_OK && status != Z_STREAM_END && status != Z_BUF_ERROR)
            return fail(Errc::kInvalid, "", "the compressed data is damaged");
        is_whole_ = status == Z_STREAM_END;
        const std::size_t made = stream_->text.size() - state.avail_out;
        if (made > 0)
            if (auto taken = take(ByteView(stream_->text).first(made)); !taken) return taken;
        if (status == Z_BUF_ERROR && made == 0) break;
    } while (state.avail_in > 0 || state.avail_out == 0);
    return {};
}

}  // namespace hearth::dns
