#include "dns/core/blocklist.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <string>

namespace hearth::dns {
namespace {

constexpr std::size_t kRuleSetBytes = 4 * sizeof(ListMask);

tl::unexpected<Error> bad_image(Errc code, std::string detail) {
    return fail(code, "blocklist image", std::move(detail) + "; run hearth-lists to write it anew");
}

std::uint32_t first_list(ListMask mask) noexcept {
    return static_cast<std::uint32_t>(std::countr_zero(mask));
}

}  // namespace

Result<ImageHeader> read_image_header(ByteView beginning) {
    const std::uint8_t* p = beginning.data();
    if (beginning.size() < kImageHeader)
        return bad_image(Errc::kTruncated, "shorter than its header");
    if (std::memcmp(p, kImageMagic.data(), kImageMagic.size()) != 0)
        return bad_image(Errc::kInvalid, "not a compiled blocklist");
    if (load_le32(p + 8) != kImageVersion)
        return bad_image(Errc::kInvalid, "version " + std::to_string(load_le32(p + 8)) + ", not " +
                                             std::to_string(kImageVersion));
    if (load_le32(p + 12) != kImageByteOrder)
        return bad_image(Errc::kInvalid, "written on a machine of another byte order");
    return ImageHeader{
        {load_le64(p + 16), load_le64(p + 24)}, load_le64(p + 32), load_le64(p + 40)};
}

Result<BlockSet> BlockSet::open(ByteView image) {
    const auto header = read_image_header(image);
    if (!header) return fail(header.error());
    if (header->size != image.size())
        return bad_image(Errc::kTruncated, "its size is not what its header says");
    if (siphash13(header->key, image.subspan(kImageChecksumEnd)) != header->checksum)
        return bad_image(Errc::kInvalid, "its checksum is wrong");
    BlockSet set;
    set.key_ = header->key;
    set.checksum_ = header->checksum;
    if (auto read = set.read_sections(image); !read) return fail(read.error());
    return set;
}

Result<void> BlockSet::read_sections(ByteView image) {
    const std::uint8_t* p = image.data();
    entries_count_ = load_le32(p + 48);
    const std::uint32_t bits = load_le32(p + 52);
    rule_sets_count_ = load_le32(p + 56);
    const std::size_t list_count = load_le32(p + 60);
    fewest_labels_ = load_le32(p + 64);
    if (bits < 1 || bits > 31 || rule_sets_count_ > kMaxRuleSets || list_count > kMaxLists)
        return bad_image(Errc::kInvalid, "a count in its header is out of range");
    bucket_shift_ = 64 - bits;

    const std::uint64_t buckets = std::uint64_t{1} << bits;
    const std::uint64_t directory_bytes = ((buckets + 1) * 4 + 7) / 8 * 8;
    const std::uint64_t fixed = kImageHeader + directory_bytes + std::uint64_t{entries_count_} * 8 +
                                rule_sets_count_ * kRuleSetBytes;
    if (fixed > image.size()) return bad_image(Errc::kTruncated, "its tables do not fit");
    directory_ = p + kImageHeader;
    entries_ = directory_ + directory_bytes;
    rule_sets_ = entries_ + entries_count_ * 8;

    std::uint32_t previous = 0;
    for (std::uint64_t i = 0; i <= buckets; ++i) {
        const std::uint32_t at = load_le32(directory_ + i * 4);
        if (at < previous) return bad_image(Errc::kInvalid, "its buckets overlap");
        previous = at;
    }
    if (previous != entries_count_ || load_le32(directory_) != 0)
        return bad_image(Errc::kInvalid, "its buckets do not cover its entries");
    std::uint64_t highest = 0;
    for (std::size_t i = 0; i < entries_count_; ++i)
        highest = std::max(highest, load_le64(entries_ + i * 8) & (kMaxRuleSets - 1));
    if (entries_count_ > 0 && highest >= rule_sets_count_)
        return bad_image(Errc::kInvalid, "an entry names a rule set that is not there");
    return read_lists(image.subspan(static_cast<std::size_t>(fixed)), list_count);
}

Result<void> BlockSet::read_lists(ByteView bytes, std::size_t count) {
    lists_.reserve(count);
    for (std::size_t i = 0; i < count; ++i) {
        if (bytes.size() < 10)
            return bad_image(Errc::kTruncated, "its table of lists is cut short");
        const std::uint64_t rules = load_le64(bytes.data());
        const std::size_t length = bytes[8] | std::size_t{bytes[9]} << 8;
        bytes = bytes.subspan(10);
        if (bytes.size() < length) return bad_image(Errc::kTruncated, "a list's name is cut short");
        lists_.push_back({as_text(bytes.first(length)), rules});
        bytes = bytes.subspan(length);
    }
    if (!bytes.empty()) return bad_image(Errc::kInvalid, "bytes after its table of lists");

    const ListMask known = count == kMaxLists ? kAllLists : (ListMask{1} << count) - 1;
    for (std::size_t i = 0; i < rule_sets_count_ * 4; ++i) {
        if ((load_le64(rule_sets_ + i * sizeof(ListMask)) & ~known) != 0)
            return bad_image(Errc::kInvalid, "a rule set names a list that is not there");
    }
    return {};
}

void BlockSet::collect(std::uint64_t hash, RuleSet& out) const noexcept {
    const std::uint8_t* slot = directory_ + (hash >> bucket_shift_) * 4;
    const std::uint8_t* at = entries_ + load_le32(slot) * std::size_t{8};
    const std::uint8_t* end = entries_ + load_le32(slot + 4) * std::size_t{8};
    const std::uint64_t tag = hash << (64 - kTagBits);
    for (; at != end; at += 8) {
        const std::uint64_t entry = load_le64(at);
        if (((entry ^ tag) >> (64 - kTagBits)) != 0) continue;
        const std::uint8_t* rules = rule_sets_ + (entry & (kMaxRuleSets - 1)) * kRuleSetBytes;
        out.block_at |= load_le64(rules);
        out.block_below |= load_le64(rules + 8);
        out.allow_at |= load_le64(rules + 16);
        out.allow_below |= load_le64(rules + 24);
    }
}

Match BlockSet::match(const Name& qname, ListMask lists) const noexcept {
    if (entries_count_ == 0) return {};
    const LabelHasher labels(qname);
    const std::size_t count = labels.labels();
    if (count < fewest_labels_) return {};

    // Hashing first lets the memory of all buckets be fetched at once.
    std::uint64_t hashes[Name::kMaxWire / 2 + 1];
    SipState state(key_);
    for (std::size_t depth = 0; depth < count; ++depth) {
        labels.absorb(state, depth);
        if (depth + 1 < fewest_labels_) continue;
        hashes[depth] = state.finish();
        __builtin_prefetch(directory_ + (hashes[depth] >> bucket_shift_) * 4);
    }

    ListMask blocked = 0;
    ListMask allowed = 0;
    for (std::size_t depth = count; depth-- > 0 && depth + 1 >= fewest_labels_;) {
        RuleSet found;
        collect(hashes[depth], found);
        const bool whole = depth + 1 == count;
        if (allowed == 0) allowed = (whole ? found.allow_at : found.allow_below) & lists;
        if (blocked == 0) blocked = (whole ? found.block_at : found.block_below) & lists;
    }
    if (allowed != 0) return {ListAction::kAllow, first_list(allowed)};
    if (blocked != 0) return {ListAction::kBlock, first_list(blocked)};
    return {};
}

}  // namespace hearth::dns
