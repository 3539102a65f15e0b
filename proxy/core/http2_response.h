#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string_view>

#include "proxy/model/message.h"

namespace hearth::proxy {

struct Http2Field {
    std::string_view name;  // lower case
    std::string_view value;
};

// A head that write_response_head() wrote, or lines of trailers, as the fields of HTTP/2.
// Lower-cases the names where they are; the views live as long as what was split.
class Http2Fields {
public:
    void split_head(std::span<char> head) noexcept;
    void split_trailers(std::span<char> lines) noexcept;

    // Of a head. 101 has become 200: a tunnel begins so (RFC 8441 §5).
    [[nodiscard]] int status() const noexcept { return status_; }
    // Of a head the first is :status.
    [[nodiscard]] std::span<const Http2Field> all() const noexcept {
        return {fields_.data(), size_};
    }

private:
    void split_lines(std::span<char> lines) noexcept;

    int status_ = 0;
    std::size_t size_ = 0;
    std::array<Http2Field, HeaderTable::kCapacity + 32> fields_;  // those past size_ are never read
};

}  // namespace hearth::proxy
