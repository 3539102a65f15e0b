#include "proxy/core/http2_frames.h"

#include <gtest/gtest.h>

#include <string>

namespace hearth::proxy {
namespace {

std::string frame(char type, char flags, std::size_t size) {
    std::string text{'\0', static_cast<char>(size >> 8), static_cast<char>(size), type, flags};
    return text + std::string(4, '\1') + std::string(size, '\0');
}

std::uint64_t idle_of(const std::string& octets, std::size_t cut) {
    Http2FrameCounter counter(3);
    counter.pass(std::span(octets).first(cut));
    counter.pass(std::span(octets).subspan(cut));
    return counter.idle();
}

TEST(Http2Frames, CountsWhatCarriesNothing) {
    const std::string octets = "PRI" + frame(4, 0, 6) + frame(1, 5, 300) + frame(0, 0, 70) +
                               frame(0, 0, 0) + frame(0, 1, 0) + frame(6, 0, 8) +
                               frame(0x42, 0, 9) + frame(8, 0, 4);
    for (std::size_t cut = 0; cut <= octets.size(); ++cut)
        EXPECT_EQ(idle_of(octets, cut), 5U) << cut;
}

}  // namespace
}  // namespace hearth::proxy
