#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "dns/core/query_pipeline.h"
#include "dns/core/special_names.h"
#include "tests/dns/packets.h"

// A pipeline whose sockets are lists: what it sends is looked at, what it hears is made up.
namespace hearth::dns::test {

class CountingRandom final : public RandomSource {
public:
    std::uint64_t next() override { return value_ += 0x9e3779b97f4a7c15; }

private:
    std::uint64_t value_ = 7;
};

struct SentQuestion {
    UpstreamIndex upstream = 0;
    Endpoint endpoint;
    unsigned slot = 0;
    std::uint64_t exchange = 0;  // over TCP; 0: over UDP
    Packet packet;
};

struct SentReply {
    ReplyPath path;
    Packet packet;
};

struct SentToResolver {
    UpstreamIndex upstream = 0;
    std::uint64_t exchange = 0;
    ForwardQuestion question;
};

struct DoneErrand {
    std::uint64_t errand = 0;
    Packet packet;
};

class PipelineTest : public testing::Test, protected PipelineActions {
protected:
    PipelineTest() {
        auto zones = std::make_shared<LocalZones>();
        add_special_names(*zones);
        zones->add_zone({name("home"), ZoneKind::kAuthoritative, 0});
        zones->add_zone({name("lan"), ZoneKind::kForward, 1});
        zones->add_address(name("immich.home"), IpAddress::v4(10, 0, 0, 100));
        zones->add_address(name("many.home"), IpAddress::v4(10, 0, 0, 1));
        zones->add_address(name("many.home"), IpAddress::v4(10, 0, 0, 2));
        zones->add_address(name("many.home"), *IpAddress::parse("fd00::1"));
        zones->add_address(name("*.apps.home"), IpAddress::v4(10, 0, 0, 9));
        zones->add_cname(name("alias.home"), name("many.home"));
        zones->add_cname(name("web.home"), name("www.example"));
        zones->add_cname(name("gone.home"), name("nothing.home"));
        zones->add_cname(name("round.home"), name("about.home"));
        zones->add_cname(name("about.home"), name("round.home"));
        zones->add_ptr(IpAddress::v4(10, 0, 0, 100), name("immich.home"));
        snapshot.zones = zones;
        snapshot.generation = 1;
        snapshot.cache_generation = 1;
        snapshot.domain = name("home");
        snapshot.primary = name("dns.home");
        snapshot.clients = {*IpPrefix::parse("10.0.0.0/24")};
        snapshot.groups = {{{first, second}}, {{router}}};
        snapshot.home_upstreams = {router.address};
        auto deny = std::make_shared<NameRules>();
        deny->add(name("ads.example"), RuleReach::kNameAndBelow);
        snapshot.blocking.deny = deny;
        allow("good.ads.example");
    }

    static Name name(std::string_view text) { return *Name::parse(text); }

    void allow(std::string_view text) {
        auto rules = std::make_shared<NameRules>();
        rules->add(name(text), RuleReach::kNameAndBelow);
        snapshot.blocking.allow = rules;
        ++snapshot.generation;
    }

    [[nodiscard]] QueryContext context() const {
        QueryContext result;
        result.path.transport = transport;
        result.path.client = client;
        result.path.connection = 5;
        result.now = now;
        return result;
    }

    // The answer given at once; not valid when there was none.
    Seen query_raw(ByteView packet) {
        Packet out(transport == Transport::kUdp ? kEdnsUdpSize : kMaxMessage);
        out.resize(pipeline.handle(snapshot, context(), packet, out));
        return see(out);
    }
    Seen query(const Ask& question) { return query_raw(ask(question)); }

    // Lets the upstream of a sent question answer it.
    void answer(const SentQuestion& question, const Say& what) {
        deliver(question, say(question.packet, what));
    }
    void deliver(const SentQuestion& question, const Packet& packet) {
        const Moment moment{now, 0};
        if (question.exchange != 0) {
            pipeline.on_stream_answer(snapshot, moment, question.exchange, question.upstream,
                                      packet);
        } else {
            pipeline.on_datagram(snapshot, moment, question.upstream, question.slot, packet);
        }
    }

    // Lets time pass up to the next deadline.
    void run_to_deadline() {
        ASSERT_NE(pipeline.next_deadline(), kNever);
        now = pipeline.next_deadline();
        pipeline.on_timer(snapshot, {now, 0});
    }

    [[nodiscard]] std::uint64_t dropped(NoAnswer why) const {
        return pipeline.forward().counters().no_answers[static_cast<std::size_t>(why)];
    }

    Seen reply(std::size_t i = 0) { return i < replies.size() ? see(replies[i].packet) : Seen{}; }

    void send_udp(UpstreamIndex upstream, const Endpoint& endpoint, unsigned slot,
                  ByteView question) override {
        sent.push_back({upstream, endpoint, slot, 0, {question.begin(), question.end()}});
    }
    void ask_stream(std::uint64_t exchange, UpstreamIndex upstream, const UpstreamServer& server,
                    ByteView question) override {
        sent.push_back(
            {upstream, server.endpoint, 0, exchange, {question.begin(), question.end()}});
    }
    void resolve(std::uint64_t exchange, UpstreamIndex upstream, const UpstreamServer&,
                 const ForwardQuestion& question) override {
        resolving.push_back({upstream, exchange, question});
    }
    void errand_done(std::uint64_t errand, ByteView packet) override {
        errands.push_back({errand, {packet.begin(), packet.end()}});
    }
    void reply(const ReplyPath& path, ByteView packet) override {
        replies.push_back({path, {packet.begin(), packet.end()}});
    }

    std::vector<QueryRecord> logged() const {
        std::vector<QueryRecord> records;
        log.read(0, records);
        return records;
    }

    const Endpoint first{IpAddress::v4(192, 0, 2, 1), 53};
    const Endpoint second{IpAddress::v4(192, 0, 2, 2), 53};
    const Endpoint router{IpAddress::v4(10, 0, 0, 1), 53};
    Endpoint client{IpAddress::v4(10, 0, 0, 50), 4711};
    Transport transport = Transport::kUdp;
    Snapshot snapshot;
    TimePoint now{1h};
    CountingRandom random;
    LoopGuard loops{42};
    QueryLog log{100};
    Tally tally;
    std::vector<SentQuestion> sent;
    std::vector<SentReply> replies;
    std::vector<SentToResolver> resolving;
    std::vector<DoneErrand> errands;
    QueryPipeline pipeline{QueryPipeline::Limits{}, *this, random, loops, log, tally};
};

}  // namespace hearth::dns::test
