#include "proxy/core/url_path.h"

#include <gtest/gtest.h>

namespace hearth::proxy {
namespace {

std::string plain(std::string_view target) { return normalised_path(target, EncodedSlash::kStays); }
std::string lax(std::string_view target) {
    return normalised_path(target, EncodedSlash::kSeparates);
}

TEST(UrlPath, IsComparedInOneSpelling) {
    const std::pair<const char*, const char*> table[] = {
        {"/", "/"},
        {"", "/"},
        {"*", "/*"},
        {"?a=/../b", "/"},
        {"/a/b?c", "/a/b"},
        {"/a//b/", "/a/b/"},
        {"/a/./b/.", "/a/b/"},
        {"/a/b/../c", "/a/c"},
        {"/a/..", "/"},
        {"/../../a", "/a"},
        {"/%61%2d%7E", "/a-~"},
        {"/a/%2e%2E/b", "/b"},
        {"/a%2fb", "/a%2Fb"},
        {"/a%5c..%5cb", "/a%5C..%5Cb"},
        {"/a%", "/a%25"},
        {"/a%2", "/a%252"},
        {"/a%zz", "/a%25zz"},
        {"/a%%32f", "/a%252f"},
        {"/a%20%c3%a9%00", "/a%20%C3%A9%00"},
        {"/a;b/..;/c", "/a;b/..;/c"},
    };
    for (const auto& [target, path] : table) EXPECT_EQ(plain(target), path) << target;
}

TEST(UrlPath, EncodedSlashesAsSomeApplicationsTakeThem) {
    EXPECT_EQ(lax("/a%2fb"), "/a/b");
    EXPECT_EQ(lax("/public/..%2Fadmin"), "/admin");
    EXPECT_EQ(lax("/public%5C..\\admin"), "/admin");
}

TEST(UrlPath, APrefixEndsWhereASegmentDoes) {
    EXPECT_TRUE(is_at_or_under("/api", "/api"));
    EXPECT_TRUE(is_at_or_under("/api/x", "/api"));
    EXPECT_TRUE(is_at_or_under("/api/", "/api"));
    EXPECT_FALSE(is_at_or_under("/apis", "/api"));
    EXPECT_FALSE(is_at_or_under("/ap", "/api"));
    EXPECT_TRUE(is_at_or_under("/x", "/"));
}

TEST(UrlPath, WhatFollowsThePrefixStaysAsItIsWritten) {
    EXPECT_EQ(with_prefix_replaced("/api/a%2Fb?x=/api", "/api", ""), "/a%2Fb?x=/api");
    EXPECT_EQ(with_prefix_replaced("/api", "/api", ""), "/");
    EXPECT_EQ(with_prefix_replaced("/api?q", "/api", ""), "/?q");
    EXPECT_EQ(with_prefix_replaced("/api/x", "/api", "/v2"), "/v2/x");
    EXPECT_EQ(with_prefix_replaced("/%61pi/x%2Fy", "/api", ""), "/x%2Fy");
    EXPECT_EQ(with_prefix_replaced("/b/../api/x", "/api", ""), "/x");
    EXPECT_EQ(with_prefix_replaced("/x", "/", "/v2"), "/v2/x");
    EXPECT_EQ(with_prefix_replaced("/api//x", "/api", ""), "//x") << "not ours to tidy";
}

}  // namespace
}  // namespace hearth::proxy
