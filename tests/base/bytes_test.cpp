#include "base/bytes.h"

#include <gtest/gtest.h>

namespace hearth {
namespace {

TEST(ByteReader, StopsAtTheEndAndStaysFailed) {
    const std::uint8_t bytes[] = {1, 2, 3, 4, 5};
    ByteReader reader(bytes);
    EXPECT_EQ(reader.u32(), 0x01020304U);
    EXPECT_EQ(reader.u16(), 0);
    EXPECT_TRUE(reader.failed());
    EXPECT_EQ(reader.u8(), 0);
    EXPECT_EQ(reader.offset(), 4U);
}

TEST(ByteWriter, RefusesWhatDoesNotFitAndRewinds) {
    std::uint8_t buffer[4] = {};
    ByteWriter writer(buffer);
    writer.u16(0xabcd);
    writer.u32(1);
    EXPECT_TRUE(writer.failed());
    EXPECT_EQ(writer.size(), 2U);
    writer.rewind(0);
    writer.u32(0x01020304);
    EXPECT_FALSE(writer.failed());
    writer.patch_u16(0, 0xffee);
    EXPECT_EQ(load_be32(buffer), 0xffee0304U);
}

}  // namespace
}  // namespace hearth
