"""The pages of the simulated bank. They carry their own style, as a bank's do, and load nothing."""

from html import escape

_PERSIAN = str.maketrans("0123456789,", "۰۱۲۳۴۵۶۷۸۹٬")

_STYLE = """
:root{color-scheme:light dark;--paper:#eef1f0;--card:#fff;--ink:#16211f;--soft:#5a6664;--line:#d5dcda;
--go:#0b5c52;--on-go:#fff;--stop:#8f2136;--note:#fdf3d6;--on-note:#5b4306}
@media(prefers-color-scheme:dark){:root{--paper:#0f1514;--card:#19211f;--ink:#e8eeec;--soft:#a3afac;--line:#34403d;
--go:#3f9f90;--on-go:#05211d;--stop:#f39aab;--note:#3a2f12;--on-note:#f5dfa5}}
*{box-sizing:border-box}
body{margin:0;min-block-size:100dvh;display:grid;place-items:center;padding:1rem;background:var(--paper);
color:var(--ink);font:400 1rem/1.9 Vazirmatn,Tahoma,"Noto Sans Arabic",sans-serif}
main{inline-size:min(100%,26rem);background:var(--card);border:1px solid var(--line);border-radius:14px;overflow:hidden}
.note{background:var(--note);color:var(--on-note);padding:.6rem 1.25rem;font-size:.875rem}
.in{padding:1.25rem}
h1{font-size:1.125rem;margin:0 0 .75rem}
dl{margin:0;display:grid;gap:.5rem}
dl div{display:flex;justify-content:space-between;gap:1rem;border-block-end:1px dashed var(--line);
padding-block-end:.5rem}
dt{color:var(--soft);flex:none}
dd{margin:0;text-align:end;overflow-wrap:anywhere}
.amount{font-size:1.375rem;font-weight:700}
form{margin:0}
.acts{display:grid;gap:.6rem;margin-block-start:1.25rem}
button,.button{display:block;inline-size:100%;min-block-size:48px;border-radius:10px;border:1px solid transparent;
font:inherit;font-weight:650;text-align:center;text-decoration:none;line-height:46px;cursor:pointer}
.go{background:var(--go);color:var(--on-go)}
.stop{background:none;color:var(--stop);border-color:currentColor}
:focus-visible{outline:3px solid #e3a52a;outline-offset:2px}
"""


def start(pay: str, cancel: str, amount: int, shop: str, description: str) -> str:
    """The page on which the buyer pays `amount` rials or gives up; `pay` and `cancel`: where its buttons lead."""
    return _page(
        "پرداخت",
        f"""<h1>پرداخت اینترنتی</h1>
<dl>
<div><dt>پذیرنده</dt><dd><bdi dir="ltr">{escape(shop)}</bdi></dd></div>
<div><dt>بابت</dt><dd>{escape(description)}</dd></div>
<div><dt>مبلغ</dt><dd><span class="amount">{_rials(amount)}</span> ریال</dd></div>
</dl>
<div class="acts">
<form method="post" action="{escape(pay)}"><button class="go">پرداخت</button></form>
<form method="post" action="{escape(cancel)}"><button class="stop">انصراف</button></form>
</div>""",
    )


def over(url: str, form: dict[str, str] | None) -> str:
    """The page of a token that is paid, given up or too old, with the way back to the shop."""
    return _page(
        "پایان این پرداخت",
        f"""<h1>این پرداخت به پایان رسیده است</h1>
<p>نتیجه به فروشگاه گفته می‌شود.</p>
{_way_back(url, form)}""",
    )


def back(url: str, form: dict[str, str]) -> str:
    """The page that leads back to the shop by a form."""
    return _page("بازگشت به فروشگاه", f"<h1>نتیجه به فروشگاه گفته می‌شود</h1>\n{_way_back(url, form)}")


def _way_back(url: str, form: dict[str, str] | None) -> str:
    if form is None:
        return f'<div class="acts"><a class="button go" href="{escape(url)}">بازگشت به فروشگاه</a></div>'
    boxes = "".join(
        f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">' for name, value in form.items()
    )
    return f"""<div class="acts"><form method="post" action="{escape(url)}">{boxes}
<button class="go">بازگشت به فروشگاه</button></form></div>"""


def left() -> str:
    """The page after which the browser does not come back to the shop."""
    return _page("پرداخت شد", "<h1>پرداخت انجام شد</h1>\n<p>می‌توانید این پنجره را ببندید.</p>")


def unknown() -> str:
    """The page of a token that does not exist."""
    return _page("پرداخت پیدا نشد", "<h1>این پرداخت پیدا نشد</h1>\n<p>نشانی را از فروشگاه دوباره باز کنید.</p>")


def _rials(amount: int) -> str:
    return f"{amount:,}".translate(_PERSIAN)


def _page(title: str, inside: str) -> str:
    return f"""<!doctype html>
<html lang="fa" dir="rtl">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<title>{title} | بانک آزمایشی</title><style>{_STYLE}</style></head>
<body><main>
<div class="note">بانک آزمایشی: پولی جابه‌جا نمی‌شود.</div>
<div class="in">
{inside}
</div></main></body></html>
"""
