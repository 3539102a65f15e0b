#include "proxy/core/redaction.h"

#include <gtest/gtest.h>

namespace hearth::proxy {
namespace {

std::string shown(std::string_view url) {
    std::string space;
    return std::string(without_secrets(url, space));
}

TEST(Redaction, ValuesThatSoundSecretAreCovered) {
    EXPECT_EQ(shown("/a?x=1&token=abc&y=2"), "/a?x=1&token=***&y=2");
    EXPECT_EQ(shown("/a?access_token=abc"), "/a?access_token=***");
    EXPECT_EQ(shown("/a?X-Plex-Token=abc;b=c"), "/a?X-Plex-Token=***;b=c");
    EXPECT_EQ(shown("/a?api_key=abc#frag"), "/a?api_key=***#frag");
    EXPECT_EQ(shown("/a?apikey=a&ApiKey=b&api-key=c"), "/a?apikey=***&ApiKey=***&api-key=***");
    EXPECT_EQ(shown("/cb?code=abc&state=x"), "/cb?code=***&state=x");
    EXPECT_EQ(shown("/s3?X-Amz-Signature=ff&X-Amz-Date=1"), "/s3?X-Amz-Signature=***&X-Amz-Date=1");
    EXPECT_EQ(shown("/a?%74oken=abc"), "/a?%74oken=***");
    EXPECT_EQ(shown("/a?password="), "/a?password=***");
    EXPECT_EQ(shown("/a?token=abc=def"), "/a?token=***");
    EXPECT_EQ(shown("https://app.home/#access_token=abc"), "https://app.home/#access_token=***");
}

TEST(Redaction, WhatSoundsHarmlessStays) {
    for (const char* url : {"/", "", "*", "/a?", "/a?b", "/a?token", "/token=abc/x", "/a?keyword=1",
                            "/a?design=x", "/a?page=2&q=a%20b", "https://app.home/x?y=z"}) {
        EXPECT_EQ(shown(url), url);
    }
}

TEST(Redaction, UserAndPasswordBeforeTheHost) {
    EXPECT_EQ(shown("http://ann:pw@app.home/x"), "http://***@app.home/x");
    EXPECT_EQ(shown("http://ann@app.home?token=a"), "http://***@app.home?token=***");
    EXPECT_EQ(shown("http://app.home/a@b"), "http://app.home/a@b");
}

TEST(Redaction, BrokenEscapesDoNoHarm) {
    EXPECT_EQ(shown("/a?%=1&%4=2&%zz=3&tok%65n=4"), "/a?%=1&%4=2&%zz=3&tok%65n=***");
}

}  // namespace
}  // namespace hearth::proxy
