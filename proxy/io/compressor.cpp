#include "proxy/io/compressor.h"

#include <brotli/encode.h>
#include <zlib.h>
#include <zstd.h>

#include <array>
#include <string>

namespace hearth::proxy {

namespace {

// Where a home's processor and its network meet; windows of 128 to 256 KiB keep a stream's memory
// below a mebibyte.
constexpr int kGzipLevel = 5;
constexpr int kBrotliQuality = 4;
constexpr int kBrotliWindow = 18;
constexpr int kZstdLevel = 3;
constexpr int kZstdWindow = 18;

constexpr std::size_t kStep = 16 * 1024;

class Gzip final : public BodyCoder {
public:
    Gzip() {
        constexpr int kWindowAndGzip = 15 + 16;
        is_good_ = ::deflateInit2(&stream_, kGzipLevel, Z_DEFLATED, kWindowAndGzip, 8,
                                  Z_DEFAULT_STRATEGY) == Z_OK;
    }
    ~Gzip() override {
        if (is_good_) ::deflateEnd(&stream_);
    }
    Gzip(const Gzip&) = delete;
    Gzip& operator=(const Gzip&) = delete;
    [[nodiscard]] bool is_good() const noexcept { return is_good_; }

    std::string_view code(std::string_view octets, Part part) override {
        out_.clear();
        stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(octets.data()));
        stream_.avail_in = static_cast<uInt>(octets.size());
        if (octets.empty() && part == Part::kMore) return {};
        std::array<char, kStep> room;
        do {
            stream_.next_out = reinterpret_cast<Bytef*>(room.data());
            stream_.avail_out = static_cast<uInt>(room.size());
            (void)::deflate(&stream_, part == Part::kLast ? Z_FINISH : Z_SYNC_FLUSH);
            out_.append(room.data(), room.size() - stream_.avail_out);
        } while (stream_.avail_out == 0);
        return out_;
    }

private:
    z_stream stream_{};
    bool is_good_ = false;
    std::string out_;
};

class Brotli final : public BodyCoder {
public:
    Brotli() : state_(::BrotliEncoderCreateInstance(nullptr, nullptr, nullptr)) {
        if (state_ == nullptr) return;
        ::BrotliEncoderSetParameter(state_, BROTLI_PARAM_QUALITY, kBrotliQuality);
        ::BrotliEncoderSetParameter(state_, BROTLI_PARAM_LGWIN, kBrotliWindow);
    }
    ~Brotli() override { ::BrotliEncoderDestroyInstance(state_); }
    Brotli(const Brotli&) = delete;
    Brotli& operator=(const Brotli&) = delete;
    [[nodiscard]] bool is_good() const noexcept { return state_ != nullptr; }

    std::string_view code(std::string_view octets, Part part) override {
        out_.clear();
        if (octets.empty() && part == Part::kMore) return {};
        const auto* next = reinterpret_cast<const std::uint8_t*>(octets.data());
        std::size_t left = octets.size();
        const auto operation =
            part == Part::kLast ? BROTLI_OPERATION_FINISH : BROTLI_OPERATION_FLUSH;
        do {
            std::size_t none = 0;
            if (::BrotliEncoderCompressStream(state_, operation, &left, &next, &none, nullptr,
                                              nullptr) == BROTLI_FALSE)
                break;
            std::size_t got = 0;
            const std::uint8_t* made = ::BrotliEncoderTakeOutput(state_, &got);
            out_.append(reinterpret_cast<const char*>(made), got);
        } while (left > 0 || ::BrotliEncoderHasMoreOutput(state_) == BROTLI_TRUE);
        return out_;
    }

private:
    BrotliEncoderState* state_;
    std::string out_;
};

class Zstd final : public BodyCoder {
public:
    Zstd() : stream_(::ZSTD_createCCtx()) {
        if (stream_ == nullptr) return;
        (void)::ZSTD_CCtx_setParameter(stream_, ZSTD_c_compressionLevel, kZstdLevel);
        (void)::ZSTD_CCtx_setParameter(stream_, ZSTD_c_windowLog, kZstdWindow);
    }
    ~Zstd() override { ::ZSTD_freeCCtx(stream_); }
    Zstd(const Zstd&) = delete;
    Zstd& operator=(const Zstd&) = delete;
    [[nodiscard]] bool is_good() const noexcept { return stream_ != nullptr; }

    std::string_view code(std::string_view octets, Part part) override {
        out_.clear();
        if (octets.empty() && part == Part::kMore) return {};
        ZSTD_inBuffer in{octets.data(), octets.size(), 0};
        std::array<char, kStep> room;
        std::size_t left = 0;
        do {
            ZSTD_outBuffer out{room.data(), room.size(), 0};
            left = ::ZSTD_compressStream2(stream_, &out, &in,
                                          part == Part::kLast ? ZSTD_e_end : ZSTD_e_flush);
            if (::ZSTD_isError(left) != 0) break;
            out_.append(room.data(), out.pos);
        } while (left > 0 || in.pos < in.size);
        return out_;
    }

private:
    ZSTD_CCtx* stream_;
    std::string out_;
};

template <class Coder>
std::unique_ptr<BodyCoder> made() {
    auto coder = std::make_unique<Coder>();
    if (!coder->is_good()) return nullptr;
    return coder;
}

}  // namespace

std::unique_ptr<BodyCoder> make_compressor(ContentCoding coding) {
    switch (coding) {
        case ContentCoding::kNone: return nullptr;
        case ContentCoding::kGzip: return made<Gzip>();
        case ContentCoding::kBrotli: return made<Brotli>();
        case ContentCoding::kZstd: return made<Zstd>();
    }
    return nullptr;
}

}  // namespace hearth::proxy
