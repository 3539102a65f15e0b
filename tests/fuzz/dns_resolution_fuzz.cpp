// What a resolver and upstreams say to www.example. A: one octet that says how it comes (1: DO,
// 2: CD, 4: AD, 8 and 16: what validation said), then the message, as the validator's word, as the
// answer to an errand with the ID and the cookie that were asked with, and as a list of addresses.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "dns/core/found_addresses.h"
#include "dns/core/query_pipeline.h"

namespace {

using namespace hearth;
using namespace hearth::dns;

void require(bool holds) {
    if (!holds) std::abort();
}

class FixedRandom final : public RandomSource {
public:
    std::uint64_t next() override { return value_ += 0x9e3779b97f4a7c15; }

private:
    std::uint64_t value_ = 0;
};

class Actions final : public PipelineActions {
public:
    void send_udp(UpstreamIndex upstream, const Endpoint&, unsigned to_slot,
                  ByteView question) override {
        server = upstream;
        slot = to_slot;
        sent.assign(question.begin(), question.end());
    }
    void ask_stream(std::uint64_t, UpstreamIndex, const UpstreamServer&, ByteView) override {}
    void resolve(std::uint64_t token, UpstreamIndex upstream, const UpstreamServer&,
                 const ForwardQuestion&) override {
        exchange = token;
        server = upstream;
    }
    void errand_done(std::uint64_t, ByteView answer) override {
        require(answer.size() >= kHeaderSize && (answer[2] & 0x80) != 0);
    }
    void reply(const ReplyPath&, ByteView answer) override {
        // Not parsed: a name may point into a TTL, which is another one by now.
        require(answer.size() >= kHeaderSize);
        const std::uint16_t flags = load_be16(answer.data() + 2);
        require((flags & kFlagAd) == 0 || is_secure);
        require(!is_bogus || (flags & kRcodeMask) == static_cast<unsigned>(Rcode::kServFail));
    }

    std::uint64_t exchange = 0;
    UpstreamIndex server = 0;
    unsigned slot = 0;
    std::vector<std::uint8_t> sent;
    bool is_secure = false;
    bool is_bogus = false;
};

Snapshot make_snapshot() {
    Snapshot snapshot;
    snapshot.zones = std::make_shared<LocalZones>();
    snapshot.generation = snapshot.cache_generation = 1;
    snapshot.domain = *Name::parse("home");
    snapshot.clients = {*IpPrefix::parse("10.0.0.0/8")};
    snapshot.groups.push_back({{Endpoint{IpAddress::v4(192, 0, 2, 1), 53}}});
    snapshot.groups[0].validator.emplace(Endpoint{IpAddress::v4(192, 0, 2, 1), 53},
                                         UpstreamProtocol::kValidator, "group 0");
    return snapshot;
}

struct World {
    Actions actions;
    FixedRandom random;
    LoopGuard loops{1};
    QueryLog log{4};
    Tally tally;
    QueryPipeline pipeline{QueryPipeline::Limits{}, actions, random, loops, log, tally};
};

std::vector<std::uint8_t> question_of(std::uint8_t mode) {
    std::array<std::uint8_t, 512> buffer;
    static const Name name = *Name::parse("www.example");
    const std::size_t size =
        write_upstream_question(buffer, {7, name, RrType::kA, (mode & 2) != 0, (mode & 1) != 0});
    std::vector<std::uint8_t> packet(buffer.begin(),
                                     buffer.begin() + static_cast<std::ptrdiff_t>(size));
    if ((mode & 4) != 0) packet[3] |= 0x20;
    return packet;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const Snapshot snapshot = make_snapshot();
    if (size == 0) return 0;
    const std::uint8_t mode = data[0];
    std::vector<std::uint8_t> said(data + 1, data + size);
    const auto question = question_of(mode);
    const auto security = static_cast<Security>(mode >> 3 & 3);
    const Moment moment{TimePoint(1h), 0};

    World world;
    world.actions.is_secure = security == Security::kSecure && (mode & 2) == 0;
    world.actions.is_bogus = security == Security::kBogus && (mode & 2) == 0;
    QueryContext context;
    context.now = moment.now;
    context.path.transport = Transport::kTcp;
    context.path.client.address = IpAddress::v4(10, 0, 0, 7);
    std::vector<std::uint8_t> out(kMaxMessage);
    require(world.pipeline.handle(snapshot, context, question, out) == 0);
    if (world.actions.exchange != 0)
        world.pipeline.on_resolved(snapshot, moment, world.actions.exchange, world.actions.server,
                                   {said, security, as_text(said)});

    QueryView view;
    require(parse_query(question, view) == QueryFault::kNone);
    world.pipeline.run_errand(snapshot, moment, 1, 0, view);
    if (said.size() >= 2) std::copy_n(world.actions.sent.begin(), 2, said.begin());
    static constexpr std::array<std::uint8_t, 8> kOurs{'O', 'U', 'R', 'C', 'O', 'O', 'K', 'I'};
    const auto marked = std::search(said.begin(), said.end(), kOurs.begin(), kOurs.end());
    const std::size_t cookie_at = kHeaderSize + view.qname.wire().size() + 4 + 11 + 4;
    if (marked != said.end() && world.actions.sent.size() >= cookie_at + 8)
        std::copy_n(world.actions.sent.begin() + static_cast<std::ptrdiff_t>(cookie_at), 8, marked);
    world.pipeline.on_datagram(snapshot, moment, world.actions.server, world.actions.slot, said);
    (void)world.pipeline.handle(snapshot, context, question, out);
    while (world.pipeline.next_deadline() != kNever)
        world.pipeline.on_timer(snapshot, {world.pipeline.next_deadline(), 0});

    require(addresses_in(said).addresses.size() <= 16);
    require(!bogus_reason(as_text(said)).empty() || said.empty() || as_text(said).ends_with(">: "));
    return 0;
}
