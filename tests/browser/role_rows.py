"""Rows of two companies, an auditor and a manager of one of them: ``manage.py shell -c``."""

from extraction.roles import AUDITOR, LEAD, TOKEN_MANAGER, give
from tests.extraction.factories import make_user
from tests.extraction.test_mistakes import read_one
from tests.ocrsite.admin_rows import make_rows
from tests.ocrsite.test_bound_staff import MINE, THEIRS
from tokens.models import Company

for company_id in (MINE, THEIRS):
    make_rows(company_id)
    read_one(company_id=company_id, file_name=f"read-of-{company_id}.pdf")
auditor, manager = make_user("ina", AUDITOR), make_user("mia", AUDITOR, MINE, THEIRS)
for role in (LEAD, TOKEN_MANAGER):
    give(manager, role)
manager.staff_companies.create(company=Company.objects.get(company_id=MINE))
for user in (auditor, manager):
    user.is_staff = True
    user.set_password(f"Vesuvius-1944-{user.username}")
    user.save()
