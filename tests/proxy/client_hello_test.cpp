#include "proxy/core/client_hello.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace hearth::proxy {
namespace {

using State = ClientHello::State;

std::string number(std::size_t value, std::size_t octets) {
    std::string text;
    while (octets-- > 0) text.push_back(static_cast<char>(value >> (8 * octets)));
    return text;
}

std::string vector_of(std::string_view content, std::size_t octets) {
    return number(content.size(), octets).append(content);
}

std::string extension(std::size_t type, std::string_view content) {
    return number(type, 2) + vector_of(content, 2);
}

std::string name_list(std::string_view name, char type = 0) {
    return vector_of(std::string(1, type) + vector_of(name, 2), 2);
}

std::string server_name(std::string_view name) { return extension(0, name_list(name)); }

std::string message(const std::string& extensions) {
    std::string body = number(0x0303, 2) + std::string(32, 'r') + vector_of("session", 1) +
                       vector_of(number(0x1301, 2), 2) + vector_of(std::string(1, '\0'), 1);
    if (!extensions.empty()) body += vector_of(extensions, 2);
    return "\x01" + vector_of(body, 3);
}

// In records of at most `size` octets.
std::string records(const std::string& octets, std::size_t size = 16 * 1024) {
    std::string all;
    for (std::size_t at = 0; at < octets.size(); at += size)
        all += "\x16\x03\x01" + vector_of(octets.substr(at, size), 2);
    return all;
}

ClientHello read(const std::string& octets) { return read_client_hello(octets); }

std::string hello(std::string_view name) {
    return records(message(extension(10, "groups") + server_name(name) + extension(43, "v")));
}

TEST(ClientHello, NamesItsServer) {
    const ClientHello read_one = read(hello("Nas.Home."));
    EXPECT_EQ(read_one.state, State::kComplete);
    EXPECT_EQ(read_one.server_name, "nas.home");
    EXPECT_EQ(read(hello("nas.home") + "what follows").server_name, "nas.home");
}

TEST(ClientHello, MayNameNone) {
    for (const std::string& extensions : {std::string{}, extension(43, "v")}) {
        EXPECT_EQ(read(records(message(extensions))).state, State::kComplete);
        EXPECT_EQ(read(records(message(extensions))).server_name, "");
    }
    EXPECT_EQ(read(hello("no host/name")).server_name, "") << "none that a service could have";
    EXPECT_EQ(read(hello(std::string(300, 'a'))).server_name, "");
}

TEST(ClientHello, SplitAtEachOctet) {
    const std::string octets = hello("nas.home");
    for (std::size_t size = 0; size < octets.size(); ++size)
        EXPECT_EQ(read(octets.substr(0, size)).state, State::kNeedMore) << size;
}

TEST(ClientHello, SpreadOverRecordsOfEachSize) {
    const std::string whole = message(server_name("nas.home"));
    for (std::size_t size = 1; size <= whole.size(); ++size) {
        const std::string octets = records(whole, size);
        EXPECT_EQ(read(octets).server_name, "nas.home") << size;
        EXPECT_EQ(read(octets.substr(0, octets.size() - 1)).state, State::kNeedMore) << size;
    }
}

TEST(ClientHello, WhatIsNoneIsForAnotherToRefuse) {
    const std::string good = message(server_name("nas.home"));
    EXPECT_EQ(read("GET / HTTP/1.1\r\n").state, State::kForeign);
    EXPECT_EQ(read("\x16\x02").state, State::kForeign) << "no version";
    EXPECT_EQ(read(std::string("\x16\x03\x01\0\0", 5)).state, State::kForeign) << "empty record";
    EXPECT_EQ(read("\x16\x03\x01\xff\xff").state, State::kForeign) << "too long a record";
    EXPECT_EQ(read(records("\x02" + good.substr(1))).state, State::kForeign) << "a ServerHello";
    EXPECT_EQ(read(records(std::string("\x01\xff\0\0", 4))).state, State::kForeign)
        << "longer than any";
    const std::string twice = server_name("nas.home") + server_name("web.home");
    EXPECT_EQ(read(records(message(twice))).state, State::kForeign) << "two names";
    for (const std::string& odd :
         {extension(0, ""), extension(0, number(9, 2)), extension(0, name_list("")),
          extension(0, name_list("nas.home", 1)), server_name("nas.home").substr(0, 12)})
        EXPECT_EQ(read(records(message(odd))).state, State::kForeign);
    std::string inner = good.substr(4);
    inner += "x";  // behind the extensions
    EXPECT_EQ(read(records("\x01" + vector_of(inner, 3))).state, State::kForeign);
}

TEST(ClientHello, HasALimit) {
    const std::string padded =
        message(server_name("nas.home") + extension(21, std::string(16'000, '\0')));
    EXPECT_EQ(read(records(padded, 1024)).server_name, "nas.home");
    const std::string endless =
        records(std::string("\x01\0\x3f\xfc", 4) + std::string(9000, 'x'), 1);
    EXPECT_EQ(read(endless.substr(0, kMostHelloOctets - 1)).state, State::kNeedMore);
    EXPECT_EQ(read(endless.substr(0, kMostHelloOctets)).state, State::kForeign);
}

}  // namespace
}  // namespace hearth::proxy
