// A client's packet through the whole pipeline and, when it is forwarded, an upstream's answer to
// it.
//
//   1 octet   bit 0: over TCP; bit 1: the answer's ID is left as it is; bit 2: over TCP upstream
//   2 octets  size of the question
//   the question, then the answer

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <vector>

#include "dns/core/query_pipeline.h"
#include "dns/core/special_names.h"

namespace {

using namespace hearth;
using namespace hearth::dns;

void require(bool holds) {
    if (!holds) std::abort();
}

class FixedRandom final : public RandomSource {
public:
    std::uint64_t next() override { return ++value_; }

private:
    std::uint64_t value_ = 0;
};

struct Sent {
    UpstreamIndex upstream = 0;
    unsigned slot = 0;
    std::uint64_t exchange = 0;
    std::vector<std::uint8_t> packet;
};

class Actions final : public PipelineActions {
public:
    void send_udp(UpstreamIndex upstream, const Endpoint&, unsigned slot,
                  ByteView question) override {
        sent.push_back({upstream, slot, 0, {question.begin(), question.end()}});
    }
    void ask_stream(std::uint64_t exchange, UpstreamIndex upstream, const UpstreamServer&,
                    ByteView question) override {
        sent.push_back({upstream, 0, exchange, {question.begin(), question.end()}});
    }
    void resolve(std::uint64_t, UpstreamIndex, const UpstreamServer&,
                 const ForwardQuestion&) override {}
    void errand_done(std::uint64_t, ByteView) override {}
    void reply(const ReplyPath& path, ByteView answer) override {
        require(answer.size() >= kHeaderSize && (answer[2] & 0x80) != 0 && !sent.empty());
        require(path.transport == Transport::kTcp || answer.size() <= kEdnsUdpSize);
    }
    std::vector<Sent> sent;
};

Snapshot make_snapshot() {
    const auto name = [](std::string_view text) { return *Name::parse(text); };
    auto zones = std::make_shared<LocalZones>();
    add_special_names(*zones);
    zones->add_zone({name("home"), ZoneKind::kAuthoritative, 0});
    zones->add_zone(
        {name("rw"), ZoneKind::kForward, 0, std::make_shared<const Name>(name("example"))});
    zones->add_zone({name("lan"), ZoneKind::kForward, 1});
    zones->add_address(name("a.home"), IpAddress::v4(10, 0, 0, 1));
    zones->add_address(name("*.home"), IpAddress::v4(10, 0, 0, 2));
    zones->add_cname(name("c.home"), name("x.example"));
    auto deny = std::make_shared<NameRules>();
    deny->add(name("ads.example"), RuleReach::kNameAndBelow);
    Snapshot snapshot;
    snapshot.zones = zones;
    snapshot.generation = snapshot.cache_generation = 1;
    snapshot.domain = name("home");
    snapshot.primary = name("a.home");
    snapshot.clients = {*IpPrefix::parse("10.0.0.0/8")};
    snapshot.groups.push_back({{Endpoint{IpAddress::v4(192, 0, 2, 1), 53},
                                UpstreamServer({IpAddress::v4(192, 0, 2, 2), 853},
                                               UpstreamProtocol::kTls, "dns.example")}});
    snapshot.groups.push_back({{Endpoint{IpAddress::v4(10, 0, 0, 1), 53}}});
    snapshot.home_upstreams = {IpAddress::v4(10, 0, 0, 1)};
    snapshot.blocking.deny = deny;
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

void deliver(World& world, const Snapshot& snapshot, const Sent& to, std::uint8_t mode,
             ByteView answer) {
    std::vector<std::uint8_t> packet(answer.begin(), answer.end());
    if ((mode & 2) == 0 && packet.size() >= 2) std::copy_n(to.packet.begin(), 2, packet.begin());
    const Moment moment{TimePoint(1h), 0};
    if (to.exchange != 0) {
        world.pipeline.on_stream_answer(snapshot, moment, to.exchange, to.upstream, packet);
    } else {
        world.pipeline.on_datagram(snapshot, moment, to.upstream, to.slot, packet);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const Snapshot snapshot = make_snapshot();
    ByteReader reader({data, size});
    const std::uint8_t mode = reader.u8();
    const std::size_t question_size = reader.u16();
    if (reader.failed()) return 0;
    const ByteView question = reader.bytes(std::min(question_size, reader.remaining()));
    const ByteView answer = reader.bytes(reader.remaining());
    (void)parse_answer(question);

    World world;
    QueryContext context;
    context.now = TimePoint(1h);
    context.path.transport = (mode & 1) != 0 ? Transport::kTcp : Transport::kUdp;
    context.path.client.address = IpAddress::v4(10, 0, 0, 7);
    std::vector<std::uint8_t> out((mode & 1) != 0 ? kMaxMessage : kEdnsUdpSize);
    const std::size_t written = world.pipeline.handle(snapshot, context, question, out);
    if (written > 0) {
        require(written >= kHeaderSize && written <= out.size());
        require(out[0] == question[0] && out[1] == question[1] && (out[2] & 0x80) != 0);
        // Nothing is cached yet, so this is an answer of our own making.
        const bool whole = load_be16(out.data() + 4) == 1;
        require(!whole || parse_answer(ByteView(out).first(written)).has_value());
    }
    // Each question that goes out gets the same answer, up to the end of the tries.
    for (std::size_t i = 0; i < world.actions.sent.size() && i < 8; ++i)
        deliver(world, snapshot, Sent(world.actions.sent[i]), mode, answer);
    // Once more, perhaps out of the cache; then whatever still waits is given up.
    (void)world.pipeline.handle(snapshot, context, question, out);
    while (world.pipeline.next_deadline() != kNever)
        world.pipeline.on_timer(snapshot, {world.pipeline.next_deadline(), 0});
    return 0;
}
