// The proxy's view of a hostile client and a hostile upstream. The first octet chooses what
// the rest is: a request, a response, or a chunked body. Besides not crashing, what we forward
// must be read by a second parser exactly as we read it: that is what request smuggling is
// made of.

#include <array>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "proxy/core/body_flow.h"
#include "proxy/core/header_rules.h"
#include "proxy/core/http1_parser.h"

namespace {

using namespace hearth::proxy;

void require(bool condition) {
    if (!condition) std::abort();
}

// Feeds `text` to a parser in two pieces; both must end as one piece does.
ParseStatus parse_split(RequestParser& parser, std::string_view text, std::size_t cut) {
    const ParseStatus first = parser.parse(text.substr(0, cut));
    return first == ParseStatus::kNeedMore ? parser.parse(text) : first;
}

void fuzz_request(std::string_view text, std::size_t cut) {
    RequestParser parser;
    const ParseStatus status = parser.parse(text);
    RequestParser split;
    const ParseStatus split_status = parse_split(split, text, cut % (text.size() + 1));
    require(split_status == status || split_status == ParseStatus::kRefused);
    if (status != ParseStatus::kDone) return;
    require(parser.consumed() <= text.size() && split.consumed() == parser.consumed());

    std::array<char, 64 * 1024> space;
    const hearth::IpAddress peer = hearth::IpAddress::v4(10, 0, 0, 7);
    const std::size_t size =
        write_request_head(parser.head(), {peer, "10.0.0.7", false}, {}, space);
    require(size > 0);
    // What we add may exceed what we take ourselves; upstreams have limits of their own.
    constexpr std::size_t kAdded = 8;
    if (parser.head().headers.fields().size() + kAdded > HeaderTable::kCapacity) return;
    RequestParser again({16 * 1024, space.size()});
    require(again.parse({space.data(), size}) == ParseStatus::kDone);
    require(again.consumed() == size);
    require(again.head().method_text == parser.head().method_text);
    require(again.head().authority == parser.head().authority);
    require(again.head().body == parser.head().body);
    require(again.head().upgrade == parser.head().upgrade);
    require(again.head().headers.find(HeaderId::kXForwardedFor)->value == "10.0.0.7");
}

void fuzz_response(std::string_view text, std::size_t cut) {
    const Method method = cut % 2 == 0 ? Method::kGet : Method::kHead;
    ResponseParser parser;
    if (parser.parse(text, method) != ParseStatus::kDone) return;
    require(parser.consumed() <= text.size());
    std::array<char, 64 * 1024> space;
    const std::size_t size =
        write_response_head(parser.head(), parser.head().body.kind, Version::kHttp11,
                            ClientConnection::kKeepAlive, space);
    require(size > 0);
    ResponseParser again({16 * 1024, space.size()});
    require(again.parse({space.data(), size}, method) == ParseStatus::kDone);
    require(again.consumed() == size);
    require(again.head().status == parser.head().status);
    require(again.head().body == parser.head().body);
}

struct Passed {
    std::string out;
    std::size_t used = 0;
    bool done = false;
    bool refused = false;
};

Passed pass(std::string_view text, std::size_t cut, BodyKind out_kind) {
    BodyFlow flow;
    flow.start({BodyKind::kChunked, 0}, out_kind);
    Passed passed;
    Outgoing out;
    for (std::string piece : {std::string(text.substr(0, cut)), std::string(text.substr(cut))}) {
        passed.used += flow.advance(piece, out);
        for (const auto part : out.parts()) passed.out += part;
        out.clear();
    }
    passed.done = flow.done();
    passed.refused = flow.refusal() != Refusal::kNone;
    return passed;
}

void fuzz_chunked(std::string_view text, std::size_t cut) {
    const Passed whole = pass(text, text.size(), BodyKind::kUntilClose);
    const Passed split = pass(text, cut % (text.size() + 1), BodyKind::kUntilClose);
    require(whole.done == split.done && whole.refused == split.refused);
    if (whole.refused) return;
    require(whole.out == split.out && whole.used == split.used);
    const Passed forwarded = pass(text, cut % (text.size() + 1), BodyKind::kChunked);
    const Passed decoded = pass(forwarded.out, forwarded.out.size(), BodyKind::kUntilClose);
    require(!decoded.refused && decoded.out == whole.out && decoded.done == whole.done);
    require(decoded.used == forwarded.out.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 3) return 0;
    const std::string_view text(reinterpret_cast<const char*>(data) + 3, size - 3);
    const std::size_t cut = static_cast<std::size_t>(data[1]) << 8 | data[2];
    switch (data[0] % 3) {
        case 0: fuzz_request(text, cut); break;
        case 1: fuzz_response(text, cut); break;
        default: fuzz_chunked(text, cut); break;
    }
    return 0;
}
