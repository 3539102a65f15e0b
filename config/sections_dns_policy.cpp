#include "config/sections_dns_policy.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "config/blockable_services.h"
#include "config/codec.h"
#include "config/sections_dns_names.h"
#include "config/suggest.h"

namespace hearth::config {
namespace {

// A word of the document and what it stands for.
template <class M>
struct Word {
    const char* word;
    M meaning;
};

template <class M, std::size_t N>
Parsed<M> parse_word(const std::string& text, const std::array<Word<M>, N>& words,
                     std::string_view kind) {
    std::vector<std::string> known;
    for (const Word<M>& one : words) {
        if (text == one.word) return one.meaning;
        known.emplace_back(one.word);
    }
    return fault(text + " is not " + std::string(kind), closest(text, known));
}

template <class M, std::size_t N>
std::string word_schema(const std::array<Word<M>, N>& words) {
    std::string schema = R"({"enum":[)";
    for (const Word<M>& one : words)
        schema += (schema.back() == '[' ? "\"" : ",\"") + std::string(one.word) + "\"";
    return schema + "]}";
}

constexpr std::array kAnswers{Word<BlockAnswer>{"zero", BlockAnswer::kZero},
                              Word<BlockAnswer>{"nxdomain", BlockAnswer::kNxdomain},
                              Word<BlockAnswer>{"nodata", BlockAnswer::kNodata},
                              Word<BlockAnswer>{"refused", BlockAnswer::kRefused}};

constexpr std::array kEngines{
    Word<SearchEngine>{"all", SearchEngine::kAll},
    Word<SearchEngine>{"google", SearchEngine::kGoogle},
    Word<SearchEngine>{"youtube", SearchEngine::kYoutube},
    Word<SearchEngine>{"youtube-moderate", SearchEngine::kYoutubeModerate},
    Word<SearchEngine>{"bing", SearchEngine::kBing},
    Word<SearchEngine>{"duckduckgo", SearchEngine::kDuckDuckGo},
    Word<SearchEngine>{"brave", SearchEngine::kBrave},
    Word<SearchEngine>{"ecosia", SearchEngine::kEcosia},
    Word<SearchEngine>{"pixabay", SearchEngine::kPixabay},
    Word<SearchEngine>{"yandex", SearchEngine::kYandex}};

constexpr std::array kEffects{Word<ScheduleEffect>{"offline", ScheduleEffect::kOffline},
                              Word<ScheduleEffect>{"pause", ScheduleEffect::kPause},
                              Word<ScheduleEffect>{"deny", ScheduleEffect::kDeny}};

constexpr std::array kDays{Word<int>{"mon", 0}, Word<int>{"tue", 1}, Word<int>{"wed", 2},
                           Word<int>{"thu", 3}, Word<int>{"fri", 4}, Word<int>{"sat", 5},
                           Word<int>{"sun", 6}};

Codec<SearchEngine> search_engine() {
    const auto parse = [](const Value& value) {
        return parse_word(value.text, kEngines, "a search engine known here");
    };
    return scalar<SearchEngine>(
        "all, google, youtube, youtube-moderate, bing, duckduckgo, brave, "
        "ecosia, pixabay or yandex",
        word_schema(kEngines), parse);
}

Codec<ScheduleEffect> schedule_effect() {
    const auto parse = [](const Value& value) {
        return parse_word(value.text, kEffects, "offline, pause or deny");
    };
    return scalar<ScheduleEffect>("offline, pause or deny", word_schema(kEffects), parse);
}

bool is_client_name(std::string_view text) {
    const auto name = Name::parse(text);
    return name && !name->is_root() &&
           text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-_.") == std::string::npos;
}

Parsed<ClientMatch> parse_client(const Value& value) {
    ClientMatch match;
    if (const auto address = IpAddress::parse(value.text)) {
        match.network = IpPrefix(*address, address->bit_length());
        return match;
    }
    if (const auto network = IpPrefix::parse(value.text)) {
        match.network = *network;
        match.kind = network->length() == network->address().bit_length()
                         ? ClientMatch::Kind::kAddress
                         : ClientMatch::Kind::kNetwork;
        return match;
    }
    if (const auto mac = MacAddress::parse(value.text)) {
        match.kind = ClientMatch::Kind::kMac;
        match.mac = *mac;
        return match;
    }
    match.kind = ClientMatch::Kind::kName;
    match.name = value.text;
    if (is_client_name(match.name) && match.name.find('/') == std::string::npos) return match;
    return fault(value.text +
                 " is not an address, a network, a hardware address (aa:bb:cc:dd:ee:ff) or a "
                 "client's name");
}

// "mon", or "mon-fri", which may go round the week's end.
Parsed<std::uint8_t> parse_days(const Value& value) {
    const auto dash = value.text.find('-');
    const auto first = parse_word(value.text.substr(0, dash), kDays, "a day such as mon");
    if (!first) return tl::unexpected<Fault>(first.error());
    if (dash == std::string::npos) return static_cast<std::uint8_t>(1U << *first);
    const auto last = parse_word(value.text.substr(dash + 1), kDays, "a day such as fri");
    if (!last) return tl::unexpected<Fault>(last.error());
    unsigned days = 1U << *last;
    for (int day = *first; day != *last; day = (day + 1) % 7) days |= 1U << day;
    return static_cast<std::uint8_t>(days);
}

// "21:00"; 24:00 is the end of the day.
bool parse_clock(std::string_view text, std::uint16_t& minutes) {
    unsigned hour = 0;
    unsigned minute = 0;
    const char* end = text.data() + text.size();
    const auto colon = std::from_chars(text.data(), end, hour);
    if (colon.ec != std::errc{} || colon.ptr == end || *colon.ptr != ':') return false;
    if (end - colon.ptr != 3) return false;
    const auto rest = std::from_chars(colon.ptr + 1, end, minute);
    if (rest.ec != std::errc{} || rest.ptr != end) return false;
    minutes = static_cast<std::uint16_t>(hour * 60 + minute);
    return hour <= 24 && minute < 60 && minutes <= 24 * 60;
}

Parsed<DayTime> parse_day_time(const Value& value) {
    const auto dash = value.text.find('-');
    DayTime time;
    if (dash == std::string::npos ||
        !parse_clock(std::string_view(value.text).substr(0, dash), time.from) ||
        !parse_clock(std::string_view(value.text).substr(dash + 1), time.until) ||
        time.from == 24 * 60)
        return fault(value.text + " is not a time such as 21:00-06:30");
    return time;
}

Field days_field() {
    const auto codec =
        list_of(scalar<std::uint8_t>("day or days: mon, mon-fri",
                                     text_schema("^[a-z]{3}(-[a-z]{3})?$"), parse_days),
                {1, 7});
    const auto read = [codec](const Value& value, Schedule& schedule, ReadContext& context) {
        std::vector<std::uint8_t> days;
        if (!codec.read(value, days, context)) return false;
        schedule.days = 0;
        for (const std::uint8_t some : days) schedule.days |= some;
        return true;
    };
    return custom_field<Schedule>("days", codec.type, "(every day)", read,
                                  "The days on which the times begin.", "[mon-thu, sun]");
}

const Section<Schedule>& schedule_section() {
    static const Section<Schedule> table{{
        "blocking.groups.NAME.schedule[]",
        "What holds at certain times of the week.",
        "",
        {
            days_field(),
            required(
                "times", &Schedule::times,
                list_of(scalar<DayTime>("from-until, as in 21:00-06:30",
                                        text_schema("^[0-9]{1,2}:[0-9]{2}-[0-9]{1,2}:[0-9]{2}$"),
                                        parse_day_time),
                        {1, 24}),
                "When; an end at or before the start is on the next day.",
                "[\"13:00-14:00\", \"21:00-06:30\"]"),
            field("then", &Schedule::effect, schedule_effect(),
                  "offline: every name but those of the house is denied. pause: nothing is "
                  "blocked. deny: what `deny` says.",
                  "offline", Presence::kOptional, "offline"),
            field("deny", &Schedule::deny, list_of(name_rule(), {0, 1000}),
                  "With `then: deny`: blocked at these times.", "[games.example]"),
            field("block", &Schedule::block, list_of(blockable_service(), {0, 64}),
                  "With `then: deny`: services that are blocked at these times.",
                  "[youtube, tiktok]"),
        },
        [](const Value&, Span key_span, void* target, ReadContext& context) {
            const auto& schedule = *static_cast<const Schedule*>(target);
            const bool is_empty = schedule.deny.empty() && schedule.block.empty();
            if ((schedule.effect == ScheduleEffect::kDeny) != is_empty) return true;
            context.diagnostics.error(
                key_span, is_empty
                              ? "then: deny needs a list `deny` of names or `block` of services"
                              : "`deny` and `block` need then: deny");
            return false;
        },
    }};
    return table;
}

// Lists are read after groups may be; check_dns() looks whether they are there.
Field lists_field() {
    const auto codec = list_of(host_label(), {0, 64});
    const auto read = [codec](const Value& value, ClientGroup& group, ReadContext& context) {
        return codec.read(value, group.lists.emplace(), context);
    };
    return custom_field<ClientGroup>("lists", codec.type, "(all)", read,
                                     "The lists of blocking.lists that hold for the group; [] for "
                                     "none.",
                                     "[stevenblack]");
}

Field group_answer_field() {
    const auto read = [](const Value& value, ClientGroup& group, ReadContext& context) {
        return read_block_answer(value, group.answer.emplace(), group.answer_address, context);
    };
    return custom_field<ClientGroup>("answer", block_answer_type(), "(blocking.answer)", read,
                                     "What a blocked name is answered with.", "nxdomain");
}

Parsed<std::string> parse_time_zone(const Value& value) {
    const std::string& text = value.text;
    const bool is_plain = !text.empty() && text.front() != '/' &&
                          text.find("..") == std::string::npos &&
                          text.find_first_not_of(
                              "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrst"
                              "uvwxyz0123456789+-_/") == std::string::npos;
    if (is_plain) return text;
    return fault(text + " is not a time zone such as Europe/Vienna");
}

}  // namespace

Codec<std::size_t> blockable_service() {
    std::vector<std::pair<std::string, std::size_t>> meanings;
    const auto services = blockable_services();
    for (std::size_t i = 0; i < services.size(); ++i)
        meanings.emplace_back(std::string(services[i].name), i);
    return one_of<std::size_t>(meanings);
}

bool read_block_answer(const Value& value, BlockAnswer& answer, std::optional<IpAddress>& address,
                       ReadContext& context) {
    static constexpr std::string_view kWanted = "zero, nxdomain, nodata, refused or an address";
    if (!expect_scalar(value, kWanted, context)) return false;
    if (const auto parsed = IpAddress::parse(value.text)) {
        answer = BlockAnswer::kAddress;
        address = *parsed;
        return true;
    }
    const auto word = parse_word(value.text, kAnswers, kWanted);
    if (!word) {
        context.diagnostics.error(value.span, word.error().message, word.error().suggestion);
        return false;
    }
    answer = *word;
    return true;
}

TypeInfo block_answer_type() {
    TypeInfo type;
    type.name = "zero, nxdomain, nodata, refused or an address";
    type.schema = R"({"type":"string"})";
    return type;
}

const Section<ClientGroup>& client_group_section() {
    static const Section<ClientGroup> table{{
        "blocking.groups.NAME",
        "Clients with a policy of their own. What is not given is as for everybody else.",
        "",
        {
            field("clients", &ClientGroup::clients,
                  list_of(scalar<ClientMatch>("address, network, hardware address or name",
                                              text_schema(), parse_client),
                          {0, 1000}),
                  "Who is in the group. The most telling match decides: address, hardware address, "
                  "name, longest network, interface.",
                  "[10.0.0.60, \"aa:bb:cc:dd:ee:01\", tablet, 10.0.0.128/26]"),
            field("interfaces", &ClientGroup::interfaces, list_of(interface_name(), {0, 64}),
                  "Clients in the networks that these interfaces of the node have addresses in.",
                  "[guest0]"),
            lists_field(),
            field("allow", &ClientGroup::allow, list_of(name_rule(), {0, 10'000}),
                  "Never blocked for the group.", "[s.youtube.com]"),
            field("deny", &ClientGroup::deny, list_of(name_rule(), {0, 10'000}),
                  "Blocked for the group; goes before blocking.allow.", "[\"*.samsungads.com\"]"),
            field("block", &ClientGroup::block, list_of(blockable_service(), {0, 64}),
                  "Services that are blocked for the group, with all names of theirs.",
                  "[youtube, tiktok]"),
            field("upstreams", &ClientGroup::upstreams, list_of(upstream()),
                  "Who is asked for the group instead of dns.upstreams.", "[1.1.1.3]"),
            group_answer_field(),
            field("safe_search", &ClientGroup::safe_search, list_of(search_engine(), {0, 10}),
                  "Search engines that must leave out what is not for children.", "all"),
            field("time_zone", &ClientGroup::time_zone,
                  scalar<std::string>("time zone", text_schema(), parse_time_zone),
                  "Of the schedule.", "Europe/Vienna", Presence::kOptional, "(the machine's)"),
            field("schedule", &ClientGroup::schedule, list_of(section(schedule_section()), {0, 32}),
                  "What holds at certain times.", "[{days: sun-thu, times: [\"21:00-06:30\"]}]"),
        },
        [](const Value&, Span key_span, void* target, ReadContext& context) {
            const auto& group = *static_cast<const ClientGroup*>(target);
            if (!group.clients.empty() || !group.interfaces.empty()) return true;
            context.diagnostics.error(key_span, "a group needs clients or interfaces");
            return false;
        },
    }};
    return table;
}

const Section<Rebinding>& rebinding_section() {
    static const Section<Rebinding> table{{
        "dns.rebinding",
        "Private addresses in what public upstreams say: a way for web pages into the house.",
        "protect",
        {
            field("protect", &Rebinding::protect, boolean(),
                  "Answers with addresses of the house are blocked.", "true"),
            field("allow", &Rebinding::allow, list_of(name_rule(), {0, 1000}),
                  "Names that may have them.", "[plex.direct]"),
        },
        {},
    }};
    return table;
}

const Section<SpecialNames>& special_names_section() {
    static const Section<SpecialNames> table{{
        "dns.special",
        "Names that are answered here because a standard says so: canaries, home.arpa, onion, "
        "reverse zones of private networks and others.",
        "",
        {
            field("except", &SpecialNames::except, list_of(forward_zone(), {0, 1000}),
                  "Names at and under these are asked of the upstreams like any other; a network "
                  "stands for its reverse zone.",
                  "[mask.icloud.com, internal]"),
        },
        {},
    }};
    return table;
}

}  // namespace hearth::config
