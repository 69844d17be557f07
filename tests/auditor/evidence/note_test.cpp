#include "auditor/evidence/note.h"

#include <catch2/catch.hpp>

#include "auditor/evidence/checkpoint.h"
#include "auditor/evidence/text_fields.h"
#include "compiler/policy/compiled_policy.h"  // digest_of()

namespace airtight::audit {
namespace {

Secret seed(std::uint8_t byte) {
  std::array<std::uint8_t, 32> bytes{};
  bytes.fill(byte);
  return Secret(bytes);
}

TEST_CASE("crypto: known answers") {
  CHECK(to_hex(bytes_of(sha256({"a", "bc"}))) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  // RFC 8032 §7.1, test 1: the empty message.
  std::array<std::uint8_t, 32> secret = {0x9d, 0x61, 0xb1, 0x9d, 0xef, 0xfd, 0x5a, 0x60, 0xba, 0x84, 0x4a,
                                         0xf4, 0x92, 0xec, 0x2c, 0xc4, 0x44, 0x49, 0xc5, 0x69, 0x7b, 0x32,
                                         0x69, 0x19, 0x70, 0x3b, 0xac, 0x03, 0x1c, 0xae, 0x7f, 0x60};
  const Secret key(secret);
  CHECK(to_hex(bytes_of(ed25519_public(key))) == "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
  const Signature signature = ed25519_sign(key, "");
  const std::string_view bytes(reinterpret_cast<const char*>(signature.data()), signature.size());
  CHECK(to_hex(bytes) ==
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe"
        "2465"
        "5141438e7a100b");
  CHECK(ed25519_verify(ed25519_public(key), "", bytes));
  CHECK_FALSE(ed25519_verify(ed25519_public(key), "x", bytes));
  CHECK_FALSE(ed25519_verify(ed25519_public(key), "", bytes.substr(1)));
  // HKDF-SHA256 of 32 bytes 0x0b, no salt, info "info".
  CHECK(to_hex(hkdf(seed(0x0b), "info").bytes()) == "cf9941092b80e1dbe641be211be39d3db199c0a121e807dbfa8ed794fea695e3");
}

TEST_CASE("crypto: base64 has one text a value") {
  CHECK(to_base64("") == "");
  CHECK(to_base64("f") == "Zg==");
  CHECK(to_base64("fo") == "Zm8=");
  CHECK(to_base64("foo") == "Zm9v");
  CHECK(to_base64("foobar") == "Zm9vYmFy");
  std::string all;
  for (int i = 0; i < 256; ++i) all += static_cast<char>(i);
  for (std::size_t size = 0; size <= 256; ++size)
    CHECK(from_base64(to_base64(all.substr(0, size))) == all.substr(0, size));
  for (const char* wrong : {"Z", "Zg", "Zg=", "Zh==", "Zm9=", "Z===", "====", "Zg==Zg==", "Zm 9", "Zm9v\n", "Zm-_"}) {
    INFO(wrong);
    CHECK_FALSE(from_base64(wrong));
  }
}

TEST_CASE("text fields: times") {
  const std::pair<std::int64_t, const char*> rows[] = {{0, "1970-01-01T00:00:00Z"},
                                                       {-1, "1969-12-31T23:59:59.999999999Z"},
                                                       {1'767'225'600'500'000'000, "2026-01-01T00:00:00.5Z"},
                                                       {1'709'210'096'000'000'001, "2024-02-29T12:34:56.000000001Z"}};
  for (const auto& [time, text] : rows) {
    CHECK(time_text(time) == text);
    CHECK(parse_time_text(text) == time);
  }
  for (const char* wrong : {"", "2026-01-01T00:00:00", "2026-01-01T00:00:00.Z", "2026-01-01T00:00:00.50Z",
                            "2026-02-29T00:00:00Z", "2026-01-01T24:00:00Z", "2026-01-01T00:00:60Z",
                            "2026-01-01 00:00:00Z", "2026-01-01T00:00:00.0000000001Z", "0001-01-01T00:00:00Z"}) {
    INFO(wrong);
    CHECK_FALSE(parse_time_text(wrong));
  }
}

// The example of the C2SP signed-note specification's predecessor, golang.org/x/mod/sumdb/note.
TEST_CASE("note: a note of another program") {
  const auto key = parse_note_key("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW");
  REQUIRE(key);
  CHECK(key->name == "PeterNeumann");
  CHECK(key->id() == 0xc74f20a3);
  CHECK(to_text(*key) == "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW");
  const std::string text =
      "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n";
  const std::string bytes =
      text +
      "\n— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";
  const auto note = parse_note(bytes);
  REQUIRE(note);
  CHECK(note->text == text);
  CHECK(check_note(*note, *key) == NoteCheck::Good);
}

TEST_CASE("note: signed, read back, and what is refused") {
  const NoteSigner signer{"example.org/a", seed(1)};
  const std::string bytes = sign_note("one\n\ntwo\n", signer.name, signer.seed);
  auto note = parse_note(bytes);
  REQUIRE(note);
  CHECK(note->text == "one\n\ntwo\n");
  CHECK(check_note(*note, signer.verifier()) == NoteCheck::Good);
  CHECK(check_note(*note, NoteSigner{"example.org/b", seed(1)}.verifier()) == NoteCheck::Unsigned);
  CHECK(check_note(*note, NoteSigner{"example.org/a", seed(2)}.verifier()) == NoteCheck::Unsigned);
  note->text += "x";
  CHECK(check_note(*note, signer.verifier()) == NoteCheck::Forged);

  const std::string more = bytes + "— somebody/else " + to_base64("abcdefgh") + "\n";
  REQUIRE(parse_note(more));
  CHECK(check_note(*parse_note(more), signer.verifier()) == NoteCheck::Good);

  const std::string line = bytes.substr(bytes.rfind("\xe2"));
  std::string many = "x\n\n";
  for (int i = 0; i < 101; ++i) many += line;
  for (const std::string& wrong :
       {std::string(), std::string("x\n"), std::string("x\n\n"), bytes.substr(0, bytes.size() - 1), bytes + "x\n",
        "a\tb" + bytes, "x\n\n— n " + to_base64("abcd") + "\n", "x\n\n— a+b " + to_base64("abcdefgh") + "\n",
        "x\n\n—  " + to_base64("abcdefgh") + "\n", "x\n\n- n " + to_base64("abcdefgh") + "\n", many,
        std::string(kMaxNote, 'x') + bytes}) {
    INFO(wrong.substr(0, 100));
    CHECK_FALSE(parse_note(wrong));
  }
}

TEST_CASE("note: keys as text") {
  const NoteSigner signer{"example.org/trust", seed(7)};
  const std::string secret = private_text(signer), open = to_text(signer.verifier());
  CHECK(parse_note_key(open) == signer.verifier());
  REQUIRE(parse_note_signer(secret));
  CHECK(parse_note_signer(secret)->verifier() == signer.verifier());
  CHECK(secret.substr(0, 30) == "PRIVATE+KEY+example.org/trust+");
  for (std::string wrong : {std::string(), std::string("a+b"), open + "A", open.substr(1), "x" + open,
                            std::string("a+00000000+") + open.substr(open.rfind('+') + 1), secret})
    CHECK_FALSE(parse_note_key(wrong));
  CHECK_FALSE(parse_note_signer(open));
}

TEST_CASE("checkpoint: written, read back, and what is refused") {
  const Checkpoint checkpoint{"airtight.dev/log/n1/0123456789abcdef",
                              300,
                              sha256({"root"}),
                              "n1",
                              "boot-1",
                              17,
                              3,
                              1'767'225'600'000'000'000,
                              256,
                              digest_of("policy"),
                              digest_of("counters"),
                              digest_of("canaries"),
                              sha256({"seal 2"})};
  const std::string text = checkpoint_text(checkpoint);
  std::string why;
  CHECK(parse_checkpoint(text, why) == checkpoint);
  struct Row {
    const char* from;
    const char* to;
    const char* why;
  };
  const Row rows[] = {
      {"\n300\n", "\n0300\n", "line 2: expected a tree size"},
      {"\n300\n", "\n-1\n", "line 2: expected a tree size"},
      {"\n300\n", "\n18446744073709551616\n", "line 2: expected a tree size"},
      {"evidence/1", "evidence/2", "line 4: expected 'format airtight-evidence/1 sha256 ed25519'"},
      {"node n1", "nod n1", "line 5: expected 'node' and a value"},
      {"node n1", "node n/1", "line 5: expected 'node' and visible characters"},
      {"epoch 17", "epoch x", "line 7: expected 'epoch' and a number"},
      {"00:00Z", "00:60Z", "line 9: expected 'time' and a time in UTC"},
      {"kept 256", "kept 301", "line 10: 'kept' is beyond the tree size"},
      {"policy sha256:", "policy sha512:", "line 11: expected 'policy' and a SHA-256 digest"},
      {"seal 3", "seal 0", "line 14: 'previous' is 'none' for seal 0 and for no other"},
      {"previous ", "previous x", "line 14: expected 'previous' and a hash in base64, or 'none'"},
  };
  for (const Row& row : rows) {
    std::string wrong = text;
    wrong.replace(wrong.find(row.from), std::string_view(row.from).size(), row.to);
    CHECK_FALSE(parse_checkpoint(wrong, why));
    CHECK(why == row.why);
  }
  CHECK_FALSE(parse_checkpoint(text + "more\n", why));
  CHECK(why == "line 14: nothing may follow 'previous'");
  CHECK_FALSE(parse_checkpoint(text.substr(0, text.size() - 1), why));
  CHECK(why == "line 14: no newline at its end");
  CHECK_FALSE(parse_checkpoint("", why));
  CHECK(why == "line 1: the text ends too early");
}

}  // namespace
}  // namespace airtight::audit
