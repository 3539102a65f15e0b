#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "base/bytes.h"
#include "base/result.h"

namespace hearth::dns {

// Expands gzip data (RFC 1952) that comes in pieces, in constant memory; several members one after
// the other are one text.
class Gunzip {
public:
    // The first octet of gzip data, which no text begins with.
    [[nodiscard]] static constexpr bool is_magic(std::uint8_t first) noexcept {
        return first == 0x1f;
    }

    Gunzip();
    ~Gunzip();
    Gunzip(const Gunzip&) = delete;
    Gunzip& operator=(const Gunzip&) = delete;

    using Take = std::function<Result<void>(ByteView)>;
    // Hands the text on; an error of `take` ends it. kInvalid: damaged.
    [[nodiscard]] Result<void> feed(ByteView bytes, const Take& take);
    // The last member came to its end.
    [[nodiscard]] bool is_whole() const noexcept { return is_whole_; }

private:
    struct Stream;
    std::unique_ptr<Stream> stream_;
    bool is_whole_ = false;
};

}  // namespace hearth::dns
