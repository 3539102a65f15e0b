// What one answer costs in the pipeline alone, without sockets: nanoseconds and allocations per
// question.
//
//     dns_fast_path [questions]

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <new>
#include <string>
#include <vector>

#include "dns/core/query_pipeline.h"
#include "dns/core/special_names.h"

namespace {

std::size_t allocations = 0;

}  // namespace

void* operator new(std::size_t size) {
    ++allocations;
    if (void* p = std::malloc(size)) return p;
    throw std::bad_alloc();
}
void operator delete(void* p) noexcept { std::free(p); }
void operator delete(void* p, std::size_t) noexcept { std::free(p); }

namespace {

using namespace hearth;
using namespace hearth::dns;

class FixedRandom final : public RandomSource {
public:
    std::uint64_t next() override { return ++value_; }

private:
    std::uint64_t value_ = 0;
};

class Actions final : public PipelineActions {
public:
    void send_udp(UpstreamIndex index, const Endpoint&, unsigned s, ByteView question) override {
        upstream = index;
        slot = s;
        packet.assign(question.begin(), question.end());
    }
    void ask_stream(std::uint64_t, UpstreamIndex, const UpstreamServer&, ByteView) override {}
    void resolve(std::uint64_t, UpstreamIndex, const UpstreamServer&,
                 const ForwardQuestion&) override {}
    void errand_done(std::uint64_t, ByteView) override {}
    void reply(const ReplyPath&, ByteView) override {}

    UpstreamIndex upstream = 0;
    unsigned slot = 0;
    std::vector<std::uint8_t> packet;
};

std::vector<std::uint8_t> question(const std::string& name) {
    std::vector<std::uint8_t> packet(512);
    ByteWriter out(packet);
    out.u16(7);
    out.u16(kFlagRd);
    out.u64(0x0001000000000001);  // one question, one additional record
    out.bytes(Name::parse(name)->wire());
    out.u32(0x00010001);
    out.u8(0);
    out.u16(41);
    out.u16(kEdnsUdpSize);
    out.u32(0);
    out.u16(0);
    packet.resize(out.size());
    return packet;
}

// The question as it went out, answered with one address.
std::vector<std::uint8_t> answer(const std::vector<std::uint8_t>& asked) {
    std::size_t end = kHeaderSize;
    if (!skip_name(asked, end)) std::exit(1);
    std::vector<std::uint8_t> packet(asked.begin(),
                                     asked.begin() + static_cast<std::ptrdiff_t>(end + 4));
    packet.resize(packet.size() + 16);
    store_be16(packet.data() + 2, 0x8180);
    store_be16(packet.data() + 6, 1);
    store_be16(packet.data() + 10, 0);
    ByteWriter out(ByteSpan(packet).last(16));
    out.u64(0xc00c000100010000);
    out.u32(300U << 16 | 4);
    out.u32(0xc0000201);
    return packet;
}

struct World {
    World() {
        auto zones = std::make_shared<LocalZones>();
        add_special_names(*zones);
        zones->add_zone({*Name::parse("home"), ZoneKind::kAuthoritative, 0});
        zones->add_address(*Name::parse("immich.home"), IpAddress::v4(10, 0, 0, 100));
        auto deny = std::make_shared<NameRules>();
        deny->add(*Name::parse("ads.example"), RuleReach::kNameAndBelow);
        snapshot.zones = zones;
        snapshot.generation = snapshot.cache_generation = 1;
        snapshot.domain = *Name::parse("home");
        snapshot.clients = {*IpPrefix::parse("127.0.0.0/8"), *IpPrefix::parse("10.0.0.0/24")};
        snapshot.groups.push_back({{Endpoint{IpAddress::v4(192, 0, 2, 1), 53}}});
        snapshot.blocking.deny = deny;
        context.now = TimePoint(1h);
        context.path.client.address = IpAddress::v4(10, 0, 0, 50);
    }

    std::size_t ask(const std::vector<std::uint8_t>& packet) {
        return pipeline.handle(snapshot, context, packet, out);
    }

    Snapshot snapshot;
    Actions actions;
    FixedRandom random;
    LoopGuard loops{1};
    QueryLog log{2500};
    Tally tally;
    QueryPipeline pipeline{QueryPipeline::Limits{}, actions, random, loops, log, tally};
    QueryContext context;
    std::vector<std::uint8_t> out = std::vector<std::uint8_t>(kEdnsUdpSize);
};

void measure(World& world, const char* what, const std::vector<std::vector<std::uint8_t>>& packets,
             std::size_t rounds) {
    for (const auto& packet : packets)
        if (world.ask(packet) == 0) std::exit(1);
    const std::size_t before = allocations;
    const auto begin = std::chrono::steady_clock::now();
    for (std::size_t i = 0; i < rounds; ++i) (void)world.ask(packets[i % packets.size()]);
    const std::chrono::duration<double, std::nano> spent = std::chrono::steady_clock::now() - begin;
    std::printf("%-24s %7.0f ns  %.3f allocations\n", what,
                spent.count() / static_cast<double>(rounds),
                static_cast<double>(allocations - before) / static_cast<double>(rounds));
}

}  // namespace

int main(int argc, char** argv) {
    const std::size_t rounds = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 2'000'000;
    World world;
    std::vector<std::vector<std::uint8_t>> cached;
    std::vector<std::vector<std::uint8_t>> blocked;
    for (int i = 0; i < 5'000; ++i) {
        cached.push_back(question("www.name-" + std::to_string(i) + ".example.net"));
        blocked.push_back(question("n" + std::to_string(i) + ".ads.example"));
        (void)world.ask(cached.back());
        world.pipeline.on_datagram(world.snapshot, {world.context.now, 0}, world.actions.upstream,
                                   world.actions.slot, answer(world.actions.packet));
    }
    measure(world, "cached (5,000 names)", cached, rounds);
    measure(world, "cached (1 name)", {cached[0]}, rounds);
    measure(world, "blocked by a rule", blocked, rounds);
    measure(world, "local", {question("immich.home")}, rounds);
    return 0;
}
