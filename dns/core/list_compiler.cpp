#include "dns/core/list_compiler.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <utility>

#include "dns/core/filter_rule.h"
#include "dns/core/filter_rules.h"

namespace hearth::dns {
namespace {

constexpr std::uint32_t kAt = 1;
constexpr std::uint32_t kBelow = 2;
constexpr std::uint32_t kAllow = 4;
constexpr std::uint32_t kImportant = 8;
constexpr std::uint32_t kKind = 15;
constexpr unsigned kListShift = 4;
constexpr std::size_t kChecksumOffset = 40;

// A bucket of at most this many names on average: about one cache line of entries.
constexpr std::size_t kBucketLoad = 8;

// What one list says in one way (block or allow; plain or important; at, below, both) always finds
// room, however many combinations of lists there are.
constexpr std::size_t kSingleRuleSets = kMaxLists * 2 * 2 * 3;

std::uint32_t scope_bits(RuleScope scope) noexcept {
    switch (scope) {
        case RuleScope::kName: return kAt;
        case RuleScope::kBelow: return kBelow;
        case RuleScope::kNameAndBelow: break;
    }
    return kAt | kBelow;
}

std::uint32_t kind_of(const ListRule& rule) noexcept {
    return scope_bits(rule.scope) | (rule.action == ListAction::kAllow ? kAllow : 0) |
           (rule.weight == RuleWeight::kImportant ? kImportant : 0);
}

void add_rule(RuleSet& set, std::uint32_t value) noexcept {
    const ListMask list = ListMask{1} << (value >> kListShift);
    RuleMasks& masks = set.of((value & kAllow) != 0 ? ListAction::kAllow : ListAction::kBlock,
                              (value & kImportant) != 0);
    if ((value & kAt) != 0) masks.at |= list;
    if ((value & kBelow) != 0) masks.below |= list;
}

// The part of `set` that one list says in one way.
RuleSet single(const RuleSet& set, ListMask list, ListAction action, bool is_important) noexcept {
    RuleSet alone;
    const RuleMasks& masks = set.of(action, is_important);
    alone.of(action, is_important) = {masks.at & list, masks.below & list};
    return alone;
}

// Little-endian fields one after the other; the caller has sized the buffer.
class ImageWriter {
public:
    explicit ImageWriter(std::uint8_t* at) noexcept : at_(at) {}

    template <class T>
    void put(T value) noexcept {
        std::memcpy(at_, &value, sizeof value);
        at_ += sizeof value;
    }
    void put_text(std::string_view text) noexcept {
        std::memcpy(at_, text.data(), text.size());
        at_ += text.size();
    }
    void skip(std::size_t count) noexcept { at_ += count; }

private:
    std::uint8_t* at_;
};

}  // namespace

Result<void> ListCompiler::begin_list(std::string_view name, ListKind kind) {
    if (lists_.size() == kMaxLists)
        return fail(Errc::kTooLarge, std::string(name),
                    "more than " + std::to_string(kMaxLists) + " lists; join some of them");
    if (name.size() > std::numeric_limits<std::uint16_t>::max())
        return fail(Errc::kTooLarge, std::string(name.substr(0, 32)),
                    "the list's name is too long");
    lists_.push_back({std::string(name), 0, kind});
    return {};
}

void ListCompiler::add(const ListRule& rule) {
    if (rule.name.is_root() || lists_.empty()) return;
    const auto list = static_cast<std::uint32_t>(lists_.size() - 1);
    const LabelHasher labels(rule.name);
    const std::uint64_t hash = labels.hash(key_);
    if (rule.is_badfilter) return taken_back_.emplace_back(hash, kind_of(rule)), void();
    parts_[hash >> (64 - kPartBits)].push_back({static_cast<std::uint32_t>(hash >> 32),
                                                static_cast<std::uint32_t>(hash),
                                                list << kListShift | kind_of(rule)});
    fewest_labels_ = std::min(fewest_labels_, static_cast<std::uint32_t>(labels.labels()));
    ++lists_.back().rules;
}

bool ListCompiler::add(const FilterRule& rule) {
    if (rule.is_plain()) return add(rule.rule), true;
    if (lists_.empty()) return true;
    std::string text = to_string(rule);
    if (rule.rule.is_badfilter) {
        if (filters_taken_back_.size() >= FilterRules::kMost) return false;
        filters_taken_back_.insert(std::move(text));
        return true;
    }
    const bool has_pattern = !rule.pattern.empty();
    if (filters_.size() >= FilterRules::kMost || text.size() > UINT16_MAX ||
        (has_pattern && patterns_ >= NamePatterns::kMost))
        return false;
    if (has_pattern) ++patterns_;
    filters_.push_back({static_cast<std::uint32_t>(lists_.size() - 1), std::move(text)});
    ++lists_.back().rules;
    return true;
}

std::uint32_t ListCompiler::intern(const RuleSet& rules) {
    const auto [at, added] =
        rule_set_ids_.try_emplace(rules, static_cast<std::uint32_t>(rule_sets_.size()));
    if (added) rule_sets_.push_back(rules);
    return at->second;
}

bool ListCompiler::can_intern(const RuleSet& rules) const {
    return rule_sets_.size() < kMaxRuleSets - kSingleRuleSets || rule_set_ids_.contains(rules);
}

// Writes the entry of one name over records already merged. When all rule sets are taken the name
// gets an entry per list and action instead: never more than the records it came from.
void ListCompiler::keep(Part& part, std::size_t& kept, std::uint64_t hash, const RuleSet& rules) {
    const auto put = [&](const RuleSet& set) {
        part[kept++] = {static_cast<std::uint32_t>(hash >> 32), static_cast<std::uint32_t>(hash),
                        intern(set)};
    };
    if (can_intern(rules)) return put(rules);
    for (ListMask list = 1; list != 0; list <<= 1) {
        for (const ListAction action : {ListAction::kBlock, ListAction::kAllow}) {
            for (const bool is_important : {false, true}) {
                const RuleSet alone = single(rules, list, action, is_important);
                if (alone != RuleSet{}) put(alone);
            }
        }
    }
}

bool ListCompiler::is_taken_back(const Record& record) const noexcept {
    return std::binary_search(taken_back_.begin(), taken_back_.end(),
                              TakenBack(record.hash(), record.value & kKind));
}

void ListCompiler::drop_filters_taken_back() {
    if (filters_taken_back_.empty()) return;
    std::erase_if(filters_, [this](const Filter& filter) {
        return filters_taken_back_.contains(filter.text);
    });
}

// Sorts the part and joins the records of each name.
void ListCompiler::merge(Part& part) {
    if (!taken_back_.empty())
        std::erase_if(part, [this](const Record& record) { return is_taken_back(record); });
    std::sort(part.begin(), part.end(), [](const Record& a, const Record& b) {
        return std::pair(a.hash(), a.value) < std::pair(b.hash(), b.value);
    });
    std::size_t kept = 0;
    for (std::size_t i = 0; i < part.size();) {
        const std::uint64_t hash = part[i].hash();
        RuleSet rules;
        for (; i < part.size() && part[i].hash() == hash; ++i) add_rule(rules, part[i].value);
        keep(part, kept, hash, rules);
    }
    part.resize(kept);
}

Result<std::vector<std::uint8_t>> ListCompiler::finish() {
    std::sort(taken_back_.begin(), taken_back_.end());
    drop_filters_taken_back();
    std::size_t entries = 0;
    for (Part& part : parts_) {
        merge(part);
        entries += part.size();
    }
    if (entries > std::numeric_limits<std::uint32_t>::max())
        return fail(Errc::kTooLarge, "blocklist image", "more than 2^32 names");
    std::vector<std::uint8_t> image = write_image(entries);
    *this = ListCompiler(key_);
    return image;
}

std::vector<std::uint8_t> ListCompiler::write_image(std::size_t entries) {
    const int bits = std::max(1, static_cast<int>(std::bit_width((entries | 1) / kBucketLoad)));
    const std::size_t buckets = std::size_t{1} << bits;
    const std::size_t directory = ((buckets + 1) * 4 + 7) / 8 * 8;
    std::size_t size = kImageHeader + directory + entries * 8 + rule_sets_.size() * sizeof(RuleSet);
    for (const List& list : lists_) size += 11 + list.name.size();
    for (const Filter& filter : filters_) size += 3 + filter.text.size();

    std::vector<std::uint8_t> image(size);
    ImageWriter header(image.data());
    header.put_text(kImageMagic);
    header.put(kImageVersion);
    header.put(kImageByteOrder);
    header.put(key_.k0);
    header.put(key_.k1);
    header.put(static_cast<std::uint64_t>(size));
    header.skip(8);  // the checksum, last
    header.put(static_cast<std::uint32_t>(entries));
    header.put(static_cast<std::uint32_t>(bits));
    header.put(static_cast<std::uint32_t>(rule_sets_.size()));
    header.put(static_cast<std::uint32_t>(lists_.size()));
    header.put(entries == 0 ? 0 : fewest_labels_);
    header.put(static_cast<std::uint32_t>(filters_.size()));

    ImageWriter starts(image.data() + kImageHeader);
    ImageWriter rest(image.data() + kImageHeader + directory);
    std::size_t bucket = 0;
    std::uint32_t written = 0;
    for (Part& part : parts_) {
        for (const Record& record : part) {
            for (; bucket <= record.hash() >> (64 - bits); ++bucket) starts.put(written);
            rest.put(record.hash() << (64 - kTagBits) | record.value);
            ++written;
        }
        Part().swap(part);
    }
    for (; bucket <= buckets; ++bucket) starts.put(written);
    for (const RuleSet& set : rule_sets_) {
        for (const RuleMasks& masks : set.masks) {
            rest.put(masks.at);
            rest.put(masks.below);
        }
    }
    for (const List& list : lists_) {
        rest.put(list.rules);
        rest.put(static_cast<std::uint8_t>(list.kind));
        rest.put(static_cast<std::uint16_t>(list.name.size()));
        rest.put_text(list.name);
    }
    for (const Filter& filter : filters_) {
        rest.put(static_cast<std::uint8_t>(filter.list));
        rest.put(static_cast<std::uint16_t>(filter.text.size()));
        rest.put_text(filter.text);
    }
    ImageWriter(image.data() + kChecksumOffset)
        .put(siphash13(key_, ByteView(image).subspan(kImageChecksumEnd)));
    return image;
}

}  // namespace hearth::dns
