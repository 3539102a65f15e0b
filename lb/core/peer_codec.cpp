#include "lb/core/peer_codec.h"

#include <algorithm>
#include <iterator>

namespace hearth::lb {
namespace {

constexpr std::size_t kHeader = 5;
constexpr std::uint8_t kProtocol = 1;
constexpr std::size_t kMaxText = 1024;
constexpr std::size_t kMaxProblems = 20;  // 20 problems of four texts at most stay under kMaxBody
constexpr std::size_t kMaxItems = 255;

enum class Type : std::uint8_t {
    kHello = 1,
    kReport = 2,
    kFarewell = 3,
    kOrder = 5,
    kCall = 6,
    kAnswer = 7
};

// --- writing ----------------------------------------------------------------------------------

class BodyWriter {
public:
    void u8(std::uint8_t value) { bytes_.push_back(value); }
    void u16(std::size_t value) {
        u8(static_cast<std::uint8_t>(value >> 8));
        u8(static_cast<std::uint8_t>(value));
    }
    void u32(std::size_t value) {
        u16(value >> 16 & 0xffff);
        u16(value & 0xffff);
    }
    void text(std::string_view text, std::size_t limit = kMaxText) {
        const auto kept = text.substr(0, limit);
        u16(kept.size());
        bytes_.insert(bytes_.end(), kept.begin(), kept.end());
    }
    void bytes(ByteView value) { bytes_.insert(bytes_.end(), value.begin(), value.end()); }
    template <class Items, class Each>
    void list(const Items& items, std::size_t limit, Each&& each) {
        const std::size_t count = std::min(items.size(), limit);
        u16(count);
        for (std::size_t i = 0; i < count; ++i) each(items[i]);
    }
    [[nodiscard]] std::vector<std::uint8_t> framed(Type type) const {
        std::vector<std::uint8_t> message(kHeader);
        store_be32(message.data(), static_cast<std::uint32_t>(bytes_.size()));
        message[4] = static_cast<std::uint8_t>(type);
        message.insert(message.end(), bytes_.begin(), bytes_.end());
        return message;
    }

private:
    std::vector<std::uint8_t> bytes_;
};

struct Writer {
    std::vector<std::uint8_t> operator()(const PeerHello& hello) const {
        BodyWriter out;
        out.u8(kProtocol);
        out.text(hello.node);
        return out.framed(Type::kHello);
    }
    std::vector<std::uint8_t> operator()(const NodeReport& report) const {
        constexpr std::size_t kName = 64;
        BodyWriter out;
        out.text(report.version, kName);
        out.text(report.config_hash, kName);
        out.list(report.daemons, kMaxItems, [&](const ReportedDaemon& daemon) {
            out.text(daemon.name, kName);
            out.text(daemon.state, kName);
        });
        out.list(report.problems, kMaxProblems, [&](const ReportedProblem& problem) {
            out.text(problem.daemon, kName);
            out.text(problem.name, kName);
            out.text(problem.detail);
            out.text(problem.since, kName);
        });
        for (const auto family : {IpFamily::kV4, IpFamily::kV6}) {
            std::vector<ReportedVip> vips;
            std::ranges::copy_if(report.vips, std::back_inserter(vips), [family](const auto& vip) {
                return vip.address.family() == family;
            });
            out.list(vips, kMaxItems, [&](const ReportedVip& vip) {
                out.bytes(vip.address.bytes());
                out.u8(static_cast<std::uint8_t>(vip.state));
            });
        }
        return out.framed(Type::kReport);
    }
    std::vector<std::uint8_t> operator()(const PeerFarewell&) const {
        return BodyWriter().framed(Type::kFarewell);
    }
    std::vector<std::uint8_t> operator()(const PeerOrder& order) const {
        BodyWriter out;
        out.u8(static_cast<std::uint8_t>(order.kind));
        out.text(order.vip);
        return out.framed(Type::kOrder);
    }
    std::vector<std::uint8_t> operator()(const PeerCall& call) const {
        BodyWriter out;
        out.u32(call.id);
        out.text(call.topic);
        const ByteView body =
            as_bytes(call.body).first(std::min(call.body.size(), PeerCall::kMost));
        out.u32(body.size());
        out.bytes(body);
        return out.framed(Type::kCall);
    }
    std::vector<std::uint8_t> operator()(const PeerAnswer& answer) const {
        BodyWriter out;
        out.u32(answer.id);
        out.u16(answer.status);
        out.text(answer.text);
        return out.framed(Type::kAnswer);
    }
    std::vector<std::uint8_t> operator()(const PeerUnknown&) const { return {}; }
};

// --- reading ----------------------------------------------------------------------------------

std::string read_text(ByteReader& in) { return std::string(as_text(in.bytes(in.u16()))); }

// Stops at the first item that does not fit: a count alone reserves nothing.
template <class Item, class Each>
std::vector<Item> read_list(ByteReader& in, Each&& each) {
    std::vector<Item> items;
    const std::size_t count = in.u16();
    for (std::size_t i = 0; i < count && !in.failed(); ++i) items.push_back(each());
    return items;
}

PeerHello read_hello(ByteReader& in) {
    in.skip(1);  // the protocol's number: 1 is the only one so far, and later ones append
    return PeerHello{read_text(in)};
}

ReportedVip read_vip(ByteReader& in, std::size_t address_size) {
    ReportedVip vip;
    vip.address = IpAddress::from_bytes(in.bytes(address_size));
    const std::uint8_t state = in.u8();
    if (state <= static_cast<std::uint8_t>(ElectionState::kReleasing))
        vip.state = static_cast<ElectionState>(state);
    return vip;
}

NodeReport read_report(ByteReader& in) {
    NodeReport report;
    report.version = read_text(in);
    report.config_hash = read_text(in);
    report.daemons = read_list<ReportedDaemon>(in, [&] {
        ReportedDaemon daemon;
        daemon.name = read_text(in);
        daemon.state = read_text(in);
        return daemon;
    });
    report.problems = read_list<ReportedProblem>(in, [&] {
        ReportedProblem problem;
        problem.daemon = read_text(in);
        problem.name = read_text(in);
        problem.detail = read_text(in);
        problem.since = read_text(in);
        return problem;
    });
    report.vips = read_list<ReportedVip>(in, [&] { return read_vip(in, 4); });
    if (in.remaining() == 0) return report;  // from before there were IPv6 ones
    for (auto& vip : read_list<ReportedVip>(in, [&] { return read_vip(in, 16); }))
        report.vips.push_back(std::move(vip));
    return report;
}

PeerMessage read_order(ByteReader& in) {
    const std::uint8_t kind = in.u8();
    PeerOrder order{PeerOrder::Kind::kTake, read_text(in)};
    if (kind < static_cast<std::uint8_t>(PeerOrder::Kind::kTake) ||
        kind > static_cast<std::uint8_t>(PeerOrder::Kind::kUndrain))
        return PeerUnknown{};
    order.kind = static_cast<PeerOrder::Kind>(kind);
    return order;
}

PeerCall read_call(ByteReader& in) {
    PeerCall call;
    call.id = in.u32();
    call.topic = read_text(in);
    call.body = std::string(as_text(in.bytes(in.u32())));
    return call;
}

PeerAnswer read_answer(ByteReader& in) {
    PeerAnswer answer;
    answer.id = in.u32();
    answer.status = in.u16();
    answer.text = read_text(in);
    return answer;
}

bool is_word(std::string_view text) {
    return !text.empty() && text.size() <= 32 && std::all_of(text.begin(), text.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || c == '-';
    });
}

Result<PeerMessage> read_message(std::uint8_t type, ByteView body) {
    ByteReader in(body);
    PeerMessage message = PeerUnknown{};
    switch (static_cast<Type>(type)) {
        case Type::kHello: message = read_hello(in); break;
        case Type::kReport: message = read_report(in); break;
        case Type::kFarewell: message = PeerFarewell{}; break;
        case Type::kOrder: message = read_order(in); break;
        case Type::kCall: message = read_call(in); break;
        case Type::kAnswer: message = read_answer(in); break;
    }
    if (in.failed()) return fail(Errc::kTruncated, "peer message", "ends before its last field");
    return message;
}

}  // namespace

Result<PeerTopic> parse_peer_topic(std::string_view text) {
    const auto slash = text.find('/');
    const auto daemon = text.substr(0, slash);
    const bool is_ours = daemon == "dns" || daemon == "lb" || daemon == "proxy";
    if (slash == std::string_view::npos || !is_ours || !is_word(text.substr(slash + 1)))
        return fail(Errc::kInvalid, "topic", "a daemon and a subject are needed: dns/policy");
    return PeerTopic{std::string(daemon), std::string(text.substr(slash + 1))};
}

std::vector<std::uint8_t> write_peer_message(const PeerMessage& message) {
    return std::visit(Writer{}, message);
}

Result<std::vector<PeerMessage>> PeerStream::feed(ByteView bytes) {
    pending_.insert(pending_.end(), bytes.begin(), bytes.end());
    std::vector<PeerMessage> messages;
    std::size_t at = 0;
    while (pending_.size() - at >= kHeader) {
        const std::size_t length = load_be32(pending_.data() + at);
        if (length > kMaxBody)
            return fail(Errc::kTooLarge, "peer message", std::to_string(length) + " octets");
        if (pending_.size() - at < kHeader + length) break;
        auto message =
            read_message(pending_[at + 4], ByteView(pending_).subspan(at + kHeader, length));
        if (!message) return fail(message.error());
        messages.push_back(std::move(*message));
        at += kHeader + length;
    }
    pending_.erase(pending_.begin(), pending_.begin() + static_cast<std::ptrdiff_t>(at));
    return messages;
}

}  // namespace hearth::lb
