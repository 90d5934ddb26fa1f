"""Django's admin and form classes with the type parameter that their stubs give them."""

from typing import TYPE_CHECKING, Generic, TypeVar

from django import forms
from django.contrib import admin
from django.db.models import Model

M = TypeVar("M", bound=Model)

if TYPE_CHECKING:
    TypedAdmin = admin.ModelAdmin
    TypedModelForm = forms.ModelForm
else:

    class TypedAdmin(admin.ModelAdmin, Generic[M]):
        """Can be subscripted at run time, which Django's own cannot."""

    class TypedModelForm(forms.ModelForm, Generic[M]):
        """As above."""
