//! The examples of RFC 7515 appendix A and RFC 7519 sections 3.1, 6.1 and appendix A.

use super::signatures;
use super::signing::{EC_KID, RSA_KID, bytes, keys, refusal};
use crate::auth::jws::{Algorithm, Jws};
use crate::problem::Kind;

const PAYLOAD: &str =
    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
const HS256_HEADER: &str = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9";
const HS256_SIGNATURE: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const HS256_KEY: &str =
    "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow";
const RS256_SIGNATURE: &str = "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";
const ES256_SIGNATURE: &str =
    "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";

fn is_signed_by(jws: &Jws<'_>, kid: &str) -> bool {
    let keys = keys();
    let jwk = keys.get(kid).unwrap().jwk();
    signatures::verify(jwk, jws.signing_input().as_bytes(), jws.signature()).unwrap()
}

#[test]
fn rfc7515_a1_hs256_and_rfc7519_section_3_1() {
    let token = format!("{HS256_HEADER}.{PAYLOAD}.{HS256_SIGNATURE}");
    let jws = Jws::parse(&token).unwrap();
    assert_eq!((jws.algorithm, jws.kid.as_deref()), (Algorithm::Hs256, None));
    assert!(jws.hmac_matches(&bytes(HS256_KEY)));
    assert!(!jws.hmac_matches(&bytes(HS256_KEY)[1..]));
    let claims = jws.claims().unwrap();
    assert_eq!(claims["iss"], "joe");
    assert_eq!(claims["exp"], 1_300_819_380);
    assert_eq!(claims["http://example.com/is_root"], true);
}

#[test]
fn rfc7515_a2_rs256() {
    let token = format!("eyJhbGciOiJSUzI1NiJ9.{PAYLOAD}.{RS256_SIGNATURE}");
    let jws = Jws::parse(&token).unwrap();
    assert_eq!(jws.algorithm, Algorithm::Rs256);
    assert!(is_signed_by(&jws, RSA_KID));
    assert!(!is_signed_by(&jws, EC_KID));
    let other = format!("eyJhbGciOiJSUzI1NiJ9.{}.{RS256_SIGNATURE}", PAYLOAD.replace("Ijp0", "Ijp1"));
    assert!(!is_signed_by(&Jws::parse(&other).unwrap(), RSA_KID));
}

#[test]
fn rfc7515_a3_es256() {
    let token = format!("eyJhbGciOiJFUzI1NiJ9.{PAYLOAD}.{ES256_SIGNATURE}");
    let jws = Jws::parse(&token).unwrap();
    assert_eq!(jws.algorithm, Algorithm::Es256);
    assert!(is_signed_by(&jws, EC_KID));
    assert!(!is_signed_by(&jws, RSA_KID));
    let other = format!("eyJhbGciOiJFUzI1NiJ9.{}.{ES256_SIGNATURE}", PAYLOAD.replace("Ijp0", "Ijp1"));
    assert!(!is_signed_by(&Jws::parse(&other).unwrap(), EC_KID));
}

#[test]
fn rfc7519_6_1_unsecured_is_refused() {
    assert_eq!(refusal(&format!("eyJhbGciOiJub25lIn0.{PAYLOAD}.")), Kind::TokenAlgorithm);
}

#[test]
fn rfc7519_appendix_a_encrypted_is_refused() {
    let header = "eyJhbGciOiJSU0ExXzUiLCJlbmMiOiJBMTI4Q0JDLUhTMjU2In0";
    assert_eq!(
        refusal(&format!(
            "{header}.QR1Owv2ug2WyPBnbQrRARTeEk9kDO2w8.AxY8DCtDaGlsbGljb3RoZQ.MKOle7UQrG6nSxTLX6Mqwt0orbHvAKeWnDYvpIAeZ72deHxz3roJDXQyhxx0wKaM.fiK51VwhsxJ-siBMR-YFiA"
        )),
        Kind::TokenMalformed
    );
}

#[test]
fn the_examples_are_no_tokens_of_this_project() {
    assert_eq!(refusal(&format!("{HS256_HEADER}.{PAYLOAD}.{HS256_SIGNATURE}")), Kind::TokenSignature);
    // Signed by keys that are known here, but the header names none.
    assert_eq!(refusal(&format!("eyJhbGciOiJSUzI1NiJ9.{PAYLOAD}.{RS256_SIGNATURE}")), Kind::TokenUnknownKey);
}
