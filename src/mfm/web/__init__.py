"""The mouth: HTTP. Litestar carries requests; the app's verbs and reads answer them."""
