#include "proxy/bind/error_page_keeper.h"

#include <fstream>
#include <iterator>
#include <map>

#include "base/result.h"
#include "runtime/event_loop.h"
#include "runtime/problems.h"

namespace hearth::proxy {

namespace {

namespace fs = std::filesystem;

constexpr std::chrono::seconds kLookEvery{5};
constexpr std::uintmax_t kLargest = 256 * 1024;

Result<std::shared_ptr<const std::string>> read_page(const std::string& path) {
    std::error_code error;
    const std::uintmax_t size = fs::file_size(path, error);
    if (error) return fail(Errc::kInvalid, path, error.message());
    if (size > kLargest) return fail(Errc::kInvalid, path, "larger than 256 KiB");
    std::ifstream file(path, std::ios::binary);
    std::string text(static_cast<std::size_t>(size), '\0');
    file.read(text.data(), static_cast<std::streamsize>(size));
    if (!file) return fail(Errc::kInvalid, path, "cannot be read");
    return std::make_shared<const std::string>(std::move(text));
}

}  // namespace

ErrorPageKeeper::ErrorPageKeeper(runtime::EventLoop& loop, runtime::Problems& problems,
                                 OnChange on_change)
    : problems_(problems), on_change_(std::move(on_change)), timer_(loop.context()) {}

void ErrorPageKeeper::follow(std::vector<ErrorPageFile> files) {
    files_ = std::move(files);
    read();
    look_again();
}

std::vector<ErrorPageKeeper::Stamp> ErrorPageKeeper::stamps() const {
    std::vector<Stamp> all;
    std::error_code ignored;
    for (const ErrorPageFile& file : files_)
        all.emplace_back(fs::last_write_time(file.path, ignored),
                         fs::file_size(file.path, ignored));
    return all;
}

void ErrorPageKeeper::read() {
    read_at_ = stamps();
    auto pages = std::make_shared<ErrorPages>();
    std::map<std::string, Result<std::shared_ptr<const std::string>>> texts;
    std::string faults;
    for (const ErrorPageFile& file : files_) {
        const bool is_new = !texts.contains(file.path);
        if (is_new) texts.emplace(file.path, read_page(file.path));
        const auto& text = texts.at(file.path);
        if (text) {
            pages->add(file.service, {file.from, file.to, *text});
        } else if (is_new) {
            faults.append(faults.empty() ? "" : "; ").append(file.path).append(": ");
            faults.append(text.error().detail);
        }
    }
    if (faults.empty()) {
        problems_.clear("error_page_refused");
    } else {
        problems_.raise("error_page_refused",
                        faults +
                            " (correct the file or `error_pages`; until then the proxy's own "
                            "page is shown)");
    }
    on_change_(std::move(pages));
}

void ErrorPageKeeper::look_again() {
    timer_.cancel();
    if (files_.empty()) return;
    timer_.expires_after(kLookEvery);
    timer_.async_wait([this](const boost::system::error_code& error) {
        if (error) return;
        if (stamps() != read_at_) read();
        look_again();
    });
}

}  // namespace hearth::proxy
