#include "proxy/io/password_checker.h"

#include <gtest/gtest.h>
#include <sodium.h>

#include <array>
#include <future>

namespace hearth::proxy {
namespace {

using Verdict = PasswordChecker::Verdict;

std::string argon2id(const std::string& password) {
    std::array<char, crypto_pwhash_STRBYTES> text{};
    EXPECT_EQ(::crypto_pwhash_str(text.data(), password.data(), password.size(),
                                  crypto_pwhash_OPSLIMIT_MIN, crypto_pwhash_MEMLIMIT_MIN),
              0);
    return text.data();
}

Verdict check(PasswordChecker& checker, const std::string& password, const std::string& hash) {
    std::promise<Verdict> verdict;
    checker.check(password, hash, [&verdict](Verdict said) { verdict.set_value(said); });
    return verdict.get_future().get();
}

// Of a password that nobody here knows.
const std::string kBcrypt = "$2y$04$c29tZXNhbHRzb21lc2FsdOkyPLN9fSh5q1Y0dkyYk7V9h3Oe9Gm6m";

TEST(PasswordChecker, KnowsBothKindsOfHash) {
    PasswordChecker checker;
    const std::string hash = argon2id("secret");
    EXPECT_FALSE(checker.remembers("secret", hash));
    EXPECT_EQ(check(checker, "wrong", hash), Verdict::kWrong);
    EXPECT_FALSE(checker.remembers("wrong", hash));
    EXPECT_EQ(check(checker, "secret", hash), Verdict::kFits);
    EXPECT_TRUE(checker.remembers("secret", hash));
    EXPECT_FALSE(checker.remembers("secret", argon2id("secret"))) << "of another line";
    EXPECT_EQ(check(checker, "wrong", kBcrypt), Verdict::kWrong);
}

TEST(PasswordChecker, NobodysPasswordIsWrong) {
    PasswordChecker checker;
    for (const char* hash : {"", "plain", "$2y$", "$argon2id$", "*"})
        EXPECT_EQ(check(checker, "", hash), Verdict::kWrong) << hash;
}

TEST(PasswordChecker, RefusesWhatItCannotGetToSoon) {
    PasswordChecker checker;
    std::promise<void> taken;
    std::promise<void> held;
    const auto first = held.get_future().share();
    checker.check("a", "", [&taken, first](Verdict) {
        taken.set_value();
        first.wait();
    });
    taken.get_future().wait();
    int busy = 0;
    for (int i = 0; i < 200; ++i) {
        // The checker's thread is held: whoever is told now is told inside the call.
        checker.check("a", "$2y$", [&busy, i](Verdict verdict) {
            if (i >= 65 && verdict == Verdict::kBusy) ++busy;
        });
    }
    EXPECT_EQ(busy, 135);
    held.set_value();
}

}  // namespace
}  // namespace hearth::proxy
