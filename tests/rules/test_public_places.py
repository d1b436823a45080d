"""Public places in addresses, and what only looks like one (D49)."""

import csv
from pathlib import Path

import pytest

from peyman.shop.orders.rules.public_places import public_place

SHARED = Path(__file__).resolve().parents[3] / "shared/data/catalogue/public_places.csv"

PLACES = [
    "خیابان ولیعصر، پلاک ۱۲، کافه سپید",
    "میدان هفت‌تیر، کافی‌شاپ آوا، طبقه دوم",
    "بلوار دانشجو، كافی شاپ باران",
    "خیابان ملت، کافینت مهر",
    "خیابان ملت / کافی نت مهر",
    "پاساژ گلستان، گیم‌نت پارس",
    "سه‌راه ادیبی، رستوران باغ",
    "رســـتوران باغ، سه‌راه ادیبی",
    "ر س ت و ر ا ن باغ، سه‌راه ادیبی",
    "کوی نور، هتل آزادی، اتاق ۳۱۲",
    "کوی نور، لابی هتل آزادی",
    "هتل‌آپارتمان ساحل، سوئیت ۵",
    "خیابان زند، مهمان‌پذیر حافظ",
    "خیابان زند، مسافرخانه نو",
    "روستای ابیانه، اقامتگاه بوم‌گردی ویونا",
    "Valiasr St, Hotel Espinas",
    "خیابان بهار، RESTAURANT Shandiz",
    "خیابان امام، سفره‌خانه ترنج",
    "خیابان امام، قهوه خانه آذری",
    "خیابان سعدی، فست‌فود لقمه",
    "طبقه چهارم مجتمع، فودکورت",
    "هاستل هفت، تخت ۳",
    "خیابان شریعتی، ک.ا.ف.ه لمیز",
    "کبابی و رستوران شاطر عباس",
    "خیابان ولیعصر، کافه‌ی لمیز",
    "میدان ونک، مسافرخانه‌ی بهار، اتاق ۱۲",
    "میدان ونک، مهمانسرای جهانگردی، اتاق ۱۲",
    "خیابان ولیعصر، کاف\u06d5 لمیز",
    "خیابان ولیعصر، کافة لمیز",
    "بلوار کشاورز، ｈｏｔｅｌ آزادی",
    "بلوار کشاورز، H\u041eTEL آزادی",
    "خیابان امام، آبمیوه بستنی شاد",
]

OTHERS = [
    "خیابان ولیعصر، پلاک ۱۲، واحد ۳",
    "کوچه هتل، پلاک ۴",
    "خیابان رستوران سنتی، پلاک ۴",
    "میدان قهوه‌خانه، کوچه نسترن",
    "روبروی هتل هما، ساختمان ۱۲",
    "رو‌به‌روی رستوران، پلاک ۹",
    "جنب کافه نادری، طبقه ۵",
    "بعد از کافی‌نت مهر، درب سبز",
    "پشت هتل، پلاک ۲",
    "نرسیده به رستوران البرز، پلاک ۶",
    "بالای کافی‌شاپ، واحد مسکونی ۲",
    "شرکت تجهیزات رستوران پارس",
    "آموزشگاه هتل‌داری ایران",
    "فروشگاه لوازم کافه",
    "اتحادیه کافه‌داران تهران",
    "منزل آقای کافه‌چی",
    "خیابان شهید کافی، پلاک ۸",
    "کوچه قهوه‌ای، پلاک ۸",
    "محله ناهارخوران، پلاک ۳",
    "روستای هتل‌سر، کوچه اول",
    "ساختمان هتل سابق شهر، اکنون اداری",
    "مجتمع مسکونی هتلیا، بلوک ۲",
    "خیابان کافور، پلاک ۱",
    "کوچه‌ی رستوران، پلاک ۱۸",
    "ایستگاه هتل، خیابان دوم، پلاک ۶",
    "ساختمان پزشکان روبه روی هتل، پلاک ۶",
    "متل قو، خیابان دریا، پلاک ۵",
    "سلمان‌شهر (متل‌قو)، خیابان دریا، پلاک ۵",
    "منزل خانم کافه‌ای، پلاک ۵",
    "خیابان شهید محمد کافه‌ای، پلاک ۵",
]


@pytest.mark.clause("D49")
@pytest.mark.parametrize("address", PLACES)
def test_an_address_that_leads_into_a_public_place_is_known(address: str) -> None:
    assert public_place(address)


@pytest.mark.clause("D49")
@pytest.mark.parametrize("address", OTHERS)
def test_a_street_a_landmark_a_company_and_a_family_are_no_public_place(address: str) -> None:
    assert public_place(address) == ""


def test_the_words_that_name_the_place_are_told() -> None:
    assert public_place("بلوار سجاد، کافی شاپ رادیو، واحد ۲") == "کافی شاپ"
    assert public_place("بلوار سجاد، هتل پارس") == "هتل"


@pytest.mark.parametrize("text", ["", "،،،", "ک" * 10_000, "هتل" * 5_000, "، " * 5_000, "\u200c" * 9_000, "ا " * 5_000])
def test_odd_texts_have_an_answer(text: str) -> None:
    assert public_place(text) == ""


@pytest.mark.skipif(not SHARED.exists(), reason="the labelled addresses lie beside the project")
def test_labelled_addresses_are_told_apart() -> None:
    with SHARED.open(encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    wrong = [row["id"] for row in rows if bool(public_place(row["address"])) != (row["is_public"] == "1")]
    assert len(rows) == 60 and wrong == []
